/** Requests that begin before the program that wants their answers is there. */

import { COLUMN_PAGE, onBranch, TABLE_PAGE, toParameters } from "../data/query";
import { sortOf, type View } from "../state/url";
import { headersOf } from "./credentials";
import { STATUSES } from "./types";

const begun = new Map<string, Promise<Response>>();

/** The paths, below the API's base, of all that a view shows first. */
export function firstPaths(view: View): readonly string[] {
  const { branch, status } = view;
  const sort = sortOf(view);
  const shown = STATUSES.filter((one) => status.length === 0 || status.includes(one));
  const lists =
    view.kind === "table"
      ? [itemsPath(branch, toParameters({ ...view, sort }), TABLE_PAGE)]
      : shown.map((one) =>
          itemsPath(branch, toParameters({ ...view, status: [one], sort }), COLUMN_PAGE),
        );
  return [...lists, withQuery("/categories", onBranch(branch, new URLSearchParams())), "/branches"];
}

/** The path of the first page of a list. */
export function itemsPath(
  branch: string | undefined,
  parameters: URLSearchParams,
  limit: number,
): string {
  const all = onBranch(branch, parameters);
  all.set("limit", String(limit));
  return withQuery("/items", all);
}

export function withQuery(path: string, parameters: URLSearchParams | undefined): string {
  const text = parameters?.toString();
  return text ? `${path}?${text}` : path;
}

/** Send them, as whoever is signed in; nobody has to want the answers. */
export function beginRequests(
  base: string,
  paths: readonly string[],
  secret: string | undefined,
): void {
  const headers = { accept: "application/json", ...headersOf(secret) };
  for (const path of paths) {
    const answer = fetch(base + path, { headers });
    answer.catch(() => {}); // whoever takes it hears of it
    begun.set(base + path, answer);
  }
}

/** The answer to a request that has begun, for the first who asks. */
export function takeAnswer(url: string): Promise<Response> | undefined {
  const answer = begun.get(url);
  begun.delete(url);
  return answer;
}

/** Forget answers that nobody took: they are old by now. */
export function forgetAnswers(): void {
  begun.clear();
}

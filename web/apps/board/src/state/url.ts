/** What the board shows, as the part of its address after #: a link is a view. */

import { PRIORITIES, type Priority, STATUSES, type Status } from "../api/types";
import { type Filters, NO_FILTERS, SORT_KEYS, type Sort, type SortKey } from "../data/query";

export type ViewKind = "board" | "table";

export interface View extends Filters {
  readonly kind: ViewKind;
  /** Undefined: what suits the kind of view. */
  readonly sort: Sort | undefined;
  /** Undefined: the branch of the API itself. */
  readonly branch: string | undefined;
  /** The item that is open. */
  readonly item: string | undefined;
}

export const ROUTE = "#/workspace";

export const DEFAULT_VIEW: View = {
  ...NO_FILTERS,
  kind: "board",
  sort: undefined,
  branch: undefined,
  item: undefined,
};

/** The sort in force: the order people gave on the board, the newest first in the table. */
export function sortOf(view: View): Sort {
  return view.sort ?? (view.kind === "board" ? "position" : "-created_at");
}

/** Read a view; whatever is not understood is left out, never an error. */
export function parseView(hash: string): View {
  const at = hash.indexOf("?");
  const parameters = new URLSearchParams(at < 0 ? "" : hash.slice(at + 1));
  const sort = parameters.get("sort");
  return {
    kind: parameters.get("view") === "table" ? "table" : "board",
    category: unique(parameters.getAll("category")),
    status: unique(parameters.getAll("status")).filter(isStatus),
    priority: unique(parameters.getAll("priority")).filter(isPriority),
    tag: unique(parameters.getAll("tag")),
    q: parameters.get("q") ?? "",
    sort: sort !== null && isSort(sort) ? sort : undefined,
    branch: parameters.get("branch") || undefined,
    item: parameters.get("item") || undefined,
  };
}

/** Write a view; what is as usual is left out, so that equal views have equal addresses. */
export function formatView(view: View): string {
  const parameters = new URLSearchParams();
  if (view.branch !== undefined) parameters.set("branch", view.branch);
  if (view.kind !== "board") parameters.set("view", view.kind);
  if (view.q !== "") parameters.set("q", view.q);
  for (const name of ["category", "status", "priority", "tag"] as const) {
    for (const value of view[name]) parameters.append(name, value);
  }
  if (view.sort !== undefined) parameters.set("sort", view.sort);
  if (view.item !== undefined) parameters.set("item", view.item);
  const text = parameters.toString();
  return text === "" ? ROUTE : `${ROUTE}?${text}`;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values.filter((value) => value !== ""))];
}

function isStatus(value: string): value is Status {
  return (STATUSES as readonly string[]).includes(value);
}

function isPriority(value: string): value is Priority {
  return (PRIORITIES as readonly string[]).includes(value);
}

function isSort(value: string): value is Sort {
  const key = value.startsWith("-") ? value.slice(1) : value;
  return SORT_KEYS.includes(key as SortKey);
}

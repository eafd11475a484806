/** The routes of the workspace API that the board uses, typed. */

import type { BulkEdit, CreateEdit, Edit, MoveEdit } from "../data/edits";
import type { ItemPage } from "../data/pages";
import { type ItemQuery, onBranch, toParameters } from "../data/query";
import { headersOf } from "./credentials";
import { readEvents, type StreamEvent } from "./event-stream";
import { itemsPath } from "./first-requests";
import type { Call, Envelope, Http, ListEnvelope } from "./http";
import type { Branch, BranchDiff, Category, Item, ItemFields, Me } from "./types";

export type CategoryFields = Pick<
  Category,
  "name" | "display_name" | "description" | "color" | "sort_order" | "is_active"
>;

interface Range {
  readonly limit: number;
  readonly offset?: number;
  readonly cursor?: string | undefined;
}

export class WorkspaceApi {
  private readonly http: Http;

  constructor(http: Http) {
    this.http = http;
  }

  async items(
    branch: string | undefined,
    query: ItemQuery,
    range: Range,
    signal?: AbortSignal,
  ): Promise<ItemPage> {
    const parameters = toParameters(query);
    if (range.offset) parameters.set("offset", String(range.offset));
    if (range.cursor !== undefined) parameters.set("cursor", range.cursor);
    const path = itemsPath(branch, parameters, range.limit);
    const answer = await this.http.call<ListEnvelope<Item>>(path, { signal });
    return { items: answer.data, total: answer.total, next: answer.next_cursor };
  }

  item(branch: string | undefined, id: string, signal?: AbortSignal): Promise<Item> {
    return this.data<Item>(branch, `/items/${encodeURIComponent(id)}`, { signal });
  }

  /** Send an edit; the items as they are then, none where it was deleted. */
  async send(edit: Edit): Promise<readonly Item[]> {
    const path = `/items/${encodeURIComponent(edit.base.id)}`;
    const headers = { "if-match": `"${edit.base.version}"` };
    const { branch } = edit;
    switch (edit.kind) {
      case "create":
        return [await this.create(edit)];
      case "update":
        return [
          await this.data<Item>(branch, path, { method: "PATCH", body: edit.changes, headers }),
        ];
      case "move":
        return [
          await this.data<Item>(branch, `${path}/move`, {
            method: "POST",
            body: target(edit),
            headers,
          }),
        ];
      case "restore":
        return [await this.data<Item>(branch, `${path}/restore`, { method: "POST" })];
      case "delete":
        await this.data(branch, path, { method: "DELETE", headers });
        return [];
      case "bulk":
        return this.bulk(edit);
    }
  }

  private create(edit: CreateEdit): Promise<Item> {
    const { title, description, category, priority, status, tags } = edit.base;
    const body: ItemFields = { title, description, category, priority, status, tags };
    const headers = { "idempotency-key": edit.key };
    return this.data<Item>(edit.branch, "/items", { method: "POST", body, headers });
  }

  private bulk(edit: BulkEdit): Promise<readonly Item[]> {
    const body = { ids: edit.bases.map((base) => base.id), set: edit.set };
    return this.data<readonly Item[]>(edit.branch, "/items/bulk", { method: "POST", body });
  }

  categories(branch: string | undefined): Promise<readonly Category[]> {
    return this.data(branch, "/categories");
  }

  createCategory(branch: string | undefined, body: Partial<CategoryFields>): Promise<Category> {
    return this.data(branch, "/categories", { method: "POST", body });
  }

  changeCategory(
    branch: string | undefined,
    name: string,
    body: Partial<CategoryFields>,
  ): Promise<Category> {
    return this.data(branch, `/categories/${encodeURIComponent(name)}`, { method: "PATCH", body });
  }

  deleteCategory(branch: string | undefined, name: string): Promise<unknown> {
    return this.data(branch, `/categories/${encodeURIComponent(name)}`, { method: "DELETE" });
  }

  reorderCategories(branch: string | undefined, names: readonly string[]): Promise<unknown> {
    return this.data(branch, "/categories/reorder", { method: "POST", body: { names } });
  }

  branches(): Promise<readonly Branch[]> {
    return this.data(undefined, "/branches");
  }

  createBranch(name: string, parent: string): Promise<Branch> {
    return this.data(undefined, "/branches", { method: "POST", body: { name, parent } });
  }

  resetBranch(name: string): Promise<unknown> {
    return this.data(undefined, `/branches/${encodeURIComponent(name)}/reset`, { method: "POST" });
  }

  deleteBranch(name: string): Promise<unknown> {
    return this.data(undefined, `/branches/${encodeURIComponent(name)}`, { method: "DELETE" });
  }

  diff(name: string, against: string): Promise<BranchDiff> {
    const query = new URLSearchParams({ against });
    return this.data(undefined, `/branches/${encodeURIComponent(name)}/diff`, { query });
  }

  /** Whom the API takes the owner of a secret for. */
  async me(secret: string): Promise<Me> {
    return (await this.http.call<Envelope<Me>>("/me", { headers: headersOf(secret) })).data;
  }

  /** Tell of the changes of a branch, until the stream or the signal ends. */
  async events(
    branch: string | undefined,
    lastEventId: string | undefined,
    told: {
      readonly signal: AbortSignal;
      readonly opened: () => void;
      readonly event: (event: StreamEvent) => void;
    },
  ): Promise<void> {
    const parameters = onBranch(branch, new URLSearchParams());
    if (lastEventId !== undefined) parameters.set("last_event_id", lastEventId);
    const { body } = await this.http.stream("/events", parameters, told.signal);
    told.opened();
    if (body) await readEvents(body, told.event);
  }

  private async data<T>(branch: string | undefined, path: string, call: Call = {}): Promise<T> {
    const query = onBranch(branch, call.query ?? new URLSearchParams());
    return (await this.http.call<Envelope<T>>(path, { ...call, query })).data;
  }
}

/** One neighbour is enough, and the one in front is the more lasting promise. */
function target(edit: MoveEdit): Record<string, string> {
  if (edit.after !== undefined) return { status: edit.status, after: edit.after };
  if (edit.before !== undefined) return { status: edit.status, before: edit.before };
  return { status: edit.status };
}

/** Edits that the API has not confirmed yet, and how the board looks with them. */

import type { Item, ItemFields, Status } from "../api/types";
import { type ItemPage, place } from "./pages";
import type { ItemQuery } from "./query";

export type Changes = Partial<ItemFields>;
export type BulkSet = Pick<Changes, "status" | "priority" | "category">;

interface Common {
  /** Names the edit; also its Idempotency-Key. */
  readonly key: string;
  readonly branch: string | undefined;
  /** The item as its author saw it; of a new one, how it will look. */
  readonly base: Item;
  /** Their version, where it and ours cannot both stand. */
  readonly conflict?: Item;
}

export interface CreateEdit extends Common {
  readonly kind: "create";
}

export interface UpdateEdit extends Common {
  readonly kind: "update";
  readonly changes: Changes;
}

export interface MoveEdit extends Common {
  readonly kind: "move";
  readonly status: Status;
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  /** Where it stands until the API has said where. */
  readonly position: string;
}

export interface DeleteEdit extends Common {
  readonly kind: "delete";
}

export interface RestoreEdit extends Common {
  readonly kind: "restore";
}

export interface BulkEdit extends Common {
  readonly kind: "bulk";
  readonly bases: readonly Item[];
  readonly set: BulkSet;
  /** Where each stands until the API has said where, beside `bases`. */
  readonly positions: readonly string[];
}

export type Edit = CreateEdit | UpdateEdit | MoveEdit | DeleteEdit | RestoreEdit | BulkEdit;

/** The items an edit is about, as they were. */
export function basesOf(edit: Edit): readonly Item[] {
  return edit.kind === "bulk" ? edit.bases : [edit.base];
}

export interface Shown {
  readonly before: Item | undefined;
  /** Undefined: deleted. */
  readonly after: Item | undefined;
}

/** How every item that has edits looks with them, by id. */
export function outcome(edits: readonly Edit[]): ReadonlyMap<string, Shown> {
  const shown = new Map<string, Shown>();
  for (const edit of edits) {
    basesOf(edit).forEach((base, index) => {
      const known = shown.get(base.id);
      const before = known ? known.before : isThere(edit) ? base : undefined;
      shown.set(base.id, { before, after: applied(edit, known?.after ?? base, index) });
    });
  }
  return shown;
}

/** Whether the API has the item already. */
function isThere(edit: Edit): boolean {
  return edit.kind !== "create" && edit.kind !== "restore";
}

function applied(edit: Edit, item: Item, index: number): Item | undefined {
  switch (edit.kind) {
    case "create":
    case "restore":
      return item;
    case "delete":
      return undefined;
    case "update":
      return { ...item, ...edit.changes };
    case "move":
      return { ...item, status: edit.status, position: edit.position };
    case "bulk":
      return { ...item, ...edit.set, position: edit.positions[index] ?? item.position };
  }
}

/** A list with the edits laid over it. */
export function overlay(
  pages: readonly ItemPage[],
  shown: ReadonlyMap<string, Shown>,
  query: ItemQuery,
): readonly ItemPage[] {
  let result = pages;
  for (const [id, { before, after }] of shown) {
    result = place(result, id, after, query, before).pages;
  }
  return result;
}

/** Tell the edits of an item that it is now as the API has it. */
export function rebased(edits: readonly Edit[], item: Item): readonly Edit[] {
  return edits.map((edit) => {
    if (edit.kind === "bulk") {
      return { ...edit, bases: edit.bases.map((base) => (base.id === item.id ? item : base)) };
    }
    return edit.base.id === item.id ? { ...edit, base: item } : edit;
  });
}

/** Give an item that was created offline the id that the API has given it. */
export function renamed(edits: readonly Edit[], from: string, item: Item): readonly Edit[] {
  const id = (value: string | undefined) => (value === from ? item.id : value);
  return edits.map((edit) => {
    if (edit.kind === "bulk") {
      return { ...edit, bases: edit.bases.map((base) => (base.id === from ? item : base)) };
    }
    const base = edit.base.id === from ? item : edit.base;
    if (edit.kind !== "move") return { ...edit, base };
    return { ...edit, base, before: id(edit.before), after: id(edit.after) };
  });
}

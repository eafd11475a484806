/** What becomes of an edit whose item has changed meanwhile (the API answered 412). */

import type { Item } from "../api/types";
import type { Changes, Edit, MoveEdit, UpdateEdit } from "./edits";

/**
 * `done`: theirs is what the edit wanted, as after an answer that was lost on its way.
 * `rebase`: both can stand; send the edit again, on top of theirs.
 * `conflict`: a person has to choose.
 */
export type Verdict = "done" | "rebase" | "conflict";

export function judge(edit: Edit, theirs: Item): Verdict {
  switch (edit.kind) {
    case "update":
      return judgeUpdate(edit, theirs);
    case "move":
      return judgeMove(edit, theirs);
    case "delete":
      return onlyMoved(edit.base, theirs) ? "rebase" : "conflict";
    default:
      return "rebase"; // sent without a version: nothing to disagree about
  }
}

function judgeUpdate(edit: UpdateEdit, theirs: Item): Verdict {
  const fields = Object.keys(edit.changes) as (keyof Changes)[];
  const wanted = { ...edit.base, ...edit.changes };
  if (fields.every((field) => same(theirs[field], wanted[field]))) return "done";
  return fields.every((field) => same(theirs[field], edit.base[field])) ? "rebase" : "conflict";
}

function judgeMove(edit: MoveEdit, theirs: Item): Verdict {
  if (theirs.status === edit.base.status) return "rebase";
  return theirs.status === edit.status ? "done" : "conflict";
}

function onlyMoved(base: Item, theirs: Item): boolean {
  const { title, description, category, priority, tags } = base;
  return (
    title === theirs.title &&
    description === theirs.description &&
    category === theirs.category &&
    priority === theirs.priority &&
    same(tags, theirs.tags)
  );
}

export function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

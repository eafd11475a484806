import { describe, expect, it } from "vitest";
import type { Edit } from "./edits";
import { item } from "./fixtures";
import { judge } from "./merge";

const base = item("1", { title: "old", tags: ["a"] });
const common = { key: "k", branch: undefined, base } as const;
const update: Edit = { ...common, kind: "update", changes: { title: "mine" } };
const move: Edit = { ...common, kind: "move", status: "review", position: "1" };
const remove: Edit = { ...common, kind: "delete" };

describe("an edit of an item that has changed meanwhile", () => {
  it.each([
    ["an answer that was lost", update, { title: "mine" }, "done"],
    ["another field", update, { priority: "low" }, "rebase"],
    ["the same field", update, { title: "theirs" }, "conflict"],
    ["a move of what somebody wrote on", move, { title: "theirs" }, "rebase"],
    ["a move there already", move, { status: "review" }, "done"],
    ["a move somewhere else", move, { status: "rejected" }, "conflict"],
    ["deleting what only moved", remove, { position: "7", status: "review" }, "rebase"],
    ["deleting what somebody wrote on", remove, { tags: ["b"] }, "conflict"],
  ] as const)("%s", (_name, edit, theirs, verdict) => {
    expect(judge(edit, { ...base, ...theirs, version: 2 })).toBe(verdict);
  });
});

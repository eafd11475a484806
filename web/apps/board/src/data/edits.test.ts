import { describe, expect, it } from "vitest";
import { type Edit, outcome, overlay, rebased, renamed } from "./edits";
import { item, NEW, page, REVIEW } from "./fixtures";
import { itemsOf, totalOf } from "./pages";

const common = { branch: undefined } as const;
const move = (key: string, base = item("1"), part: Partial<Edit> = {}): Edit =>
  ({ ...common, kind: "move", key, base, status: "review", position: "9", ...part }) as Edit;

describe("edits laid over lists", () => {
  it("show a move in both columns, and its taking back in neither", () => {
    const [from, to] = [[page(["1", "2"])], [page([])]];
    const shown = outcome([move("k")]);
    expect(itemsOf(overlay(from, shown, NEW)).map(({ id }) => id)).toEqual(["2"]);
    expect(itemsOf(overlay(to, shown, REVIEW)).map(({ id }) => id)).toEqual(["1"]);
    expect(totalOf(overlay(from, shown, NEW))).toBe(1);
    expect(overlay(from, outcome([]), NEW)).toBe(from);
  });

  it("add up, in their order", () => {
    const edits: Edit[] = [
      { ...common, kind: "update", key: "a", base: item("1"), changes: { title: "x" } },
      move("b"),
      { ...common, kind: "update", key: "c", base: item("1"), changes: { priority: "low" } },
    ];
    const after = outcome(edits).get("1")?.after;
    expect(after).toMatchObject({ title: "x", status: "review", priority: "low" });
    const gone: Edit = { ...common, kind: "delete", key: "d", base: item("1") };
    expect(outcome([...edits, gone]).get("1")?.after).toBeUndefined();
  });

  it("bring a deleted item back without counting it twice", () => {
    const edit: Edit = { ...common, kind: "restore", key: "k", base: item("3") };
    const pages = overlay([page(["1", "2"])], outcome([edit]), NEW);
    expect(totalOf(pages)).toBe(3);
  });

  it("of several items give each its place", () => {
    const bases = [item("1"), item("2")];
    const edit: Edit = {
      ...common,
      kind: "bulk",
      key: "k",
      base: item("1"),
      bases,
      set: { status: "review" },
      positions: ["20", "21"],
    };
    const pages = overlay([page([])], outcome([edit]), REVIEW);
    expect(itemsOf(pages).map(({ id, position }) => [id, position])).toEqual([
      ["1", "20"],
      ["2", "21"],
    ]);
  });

  it("follow an item to the id that the API gives it", () => {
    const edits = [
      move("a", item("new-1")),
      move("b", item("2"), { after: "new-1" }),
      move("c", item("3"), { before: "new-1" }),
    ];
    const known = item("77");
    const [a, b, c] = renamed(edits, "new-1", known);
    expect(a?.base).toBe(known);
    expect(b).toMatchObject({ after: "77" });
    expect(c).toMatchObject({ before: "77" });
  });

  it("are sent on top of the version that is known", () => {
    const newer = item("1", { version: 5 });
    const [first, second] = rebased([move("a"), move("b", item("2"))], newer);
    expect(first?.base.version).toBe(5);
    expect(second?.base.version).toBe(1);
  });
});

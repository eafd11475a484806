import { describe, expect, it } from "vitest";
import { item } from "../data/fixtures";
import { newest } from "../data/live";
import { slugOf } from "../features/categories/slug";
import { messagesOf } from "../features/items/item-form";
import { nextSort } from "../features/table/TableView";
import { pagesOf } from "../features/table/use-rows";
import { changesNothing, originsOf, slotted } from "./places";
import { extended, kept, NOTHING, toggled } from "./selection";
import { DEFAULT_VIEW, formatView, parseView, sortOf, type View } from "./url";

describe("the address of a view", () => {
  const view: View = {
    ...DEFAULT_VIEW,
    kind: "table",
    branch: "try/out",
    category: ["a-b"],
    status: ["new", "review"],
    priority: ["high"],
    tag: ["x & y", "ção"],
    q: "50% #1",
    sort: "-priority",
    item: "12",
  };

  it("has all of it, and gives it back", () => {
    expect(parseView(formatView(view))).toEqual(view);
    expect(parseView(formatView(DEFAULT_VIEW))).toEqual(DEFAULT_VIEW);
    expect(formatView(DEFAULT_VIEW)).toBe("#/workspace");
  });

  it("leaves out what is not understood", () => {
    const odd = "#/workspace?status=odd&status=new&status=new&sort=colour&view=3d&priority=&x=y";
    expect(parseView(odd)).toEqual({ ...DEFAULT_VIEW, status: ["new"] });
    expect(parseView("")).toEqual(DEFAULT_VIEW);
  });

  it("sorts as suits the kind of view", () => {
    expect(sortOf(DEFAULT_VIEW)).toBe("position");
    expect(sortOf({ ...DEFAULT_VIEW, kind: "table" })).toBe("-created_at");
  });
});

describe("the selection", () => {
  it("grows and shrinks by one", () => {
    const one = toggled(NOTHING, "a");
    expect([...toggled(one, "b").ids]).toEqual(["a", "b"]);
    expect([...toggled(one, "a").ids]).toEqual([]);
  });

  it("takes a range either way", () => {
    const order = ["a", "b", "c", "d"];
    expect([...extended(toggled(NOTHING, "b"), "d", order).ids]).toEqual(["b", "c", "d"]);
    expect([...extended(toggled(NOTHING, "c"), "a", order).ids].sort()).toEqual(["a", "b", "c"]);
    expect([...extended(toggled(NOTHING, "z"), "b", order).ids]).toEqual(["z", "b"]);
  });

  it("forgets what is gone, and stays itself when nothing is", () => {
    const some = toggled(toggled(NOTHING, "a"), "b");
    expect([...kept(some, (id) => id === "b").ids]).toEqual(["b"]);
    expect(kept(some, () => true)).toBe(some);
  });
});

describe("places between cards", () => {
  const column = {
    status: "new",
    items: [item("1"), item("2"), item("3"), item("4")],
    whole: true,
  } as const;
  const [one, two, three] = column.items;

  it("count the cards that stay", () => {
    const { after, before, positions } = slotted([two, three], column, 1);
    expect([after?.id, before?.id]).toEqual(["1", "4"]);
    expect(positions).toEqual(["2.5", "3.25"]);
    expect(slotted([one], column, 3).before).toBeUndefined();
  });

  it("know a drop that changes nothing", () => {
    expect(changesNothing([two], column, 1)).toBe(true);
    expect(changesNothing([two], column, 2)).toBe(false);
    expect(changesNothing([item("9")], column, 0)).toBe(false);
  });

  it("remember where cards came from, in the order to put them back", () => {
    expect(originsOf([three, two], [column]).map(({ id, after }) => [id, after])).toEqual([
      ["2", "1"],
      ["3", "2"],
    ]);
    expect(originsOf([one, two], [column])[0]).toMatchObject({ after: undefined, before: "3" });
  });
});

describe("small things", () => {
  it("makes short names of long ones", () => {
    expect(slugOf("  Gestão de Riscos & Cia. ")).toBe("gestao-de-riscos-cia");
    expect(slugOf("-".repeat(60))).toBe("");
  });

  it("puts messages beside their fields", () => {
    const errors = [
      { field: "tags.3", message: "too long", code: "x" },
      { field: "body.title", message: "too short", code: "x" },
      { field: "metadata", message: "odd", code: "x" },
    ];
    expect(messagesOf("no", errors)).toEqual({
      fields: { tags: "too long", title: "too short" },
      form: "odd",
    });
    expect(messagesOf("no", [])).toEqual({ fields: {}, form: "no" });
  });

  it("sorts up, then down, then as usual", () => {
    expect(nextSort("title", "-created_at")).toBe("title");
    expect(nextSort("title", "title")).toBe("-title");
    expect(nextSort("title", "-title")).toBeUndefined();
  });

  it("knows the pages that hold some rows", () => {
    expect(pagesOf(0, 20)).toEqual([0]);
    expect(pagesOf(95, 201)).toEqual([0, 1, 2]);
  });

  it("keeps the last change of each thing", () => {
    const change = (type: string, id: string, version: number) => ({ type, id, version });
    const changes = [
      change("item.created", "1", 1),
      change("category.updated", "1", 1),
      change("item.deleted", "1", 2),
    ];
    expect(newest(changes)).toEqual([changes[2], changes[1]]);
  });
});

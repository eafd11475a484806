import { describe, expect, it } from "vitest";
import { item, NEW, page } from "./fixtures";
import { itemsOf, place, totalOf } from "./pages";

const ids = (pages: Parameters<typeof itemsOf>[0]) => itemsOf(pages).map(({ id }) => id);

describe("placing an item in a list", () => {
  it("puts a new one where its position says", () => {
    const { pages } = place([page(["1", "3"])], "2", item("2"), NEW);
    expect(ids(pages)).toEqual(["1", "2", "3"]);
    expect(totalOf(pages)).toBe(3);
  });

  it("moves one that is there, and counts it once", () => {
    const { pages } = place([page(["1", "2", "3"])], "1", item("1", { position: "2.5" }), NEW);
    expect(ids(pages)).toEqual(["2", "1", "3"]);
    expect(totalOf(pages)).toBe(3);
  });

  it("takes out one that no longer belongs", () => {
    const { pages } = place([page(["1", "2"])], "1", item("1", { status: "review" }), NEW);
    expect(ids(pages)).toEqual(["2"]);
    expect(totalOf(pages)).toBe(1);
  });

  it("takes out one that is gone", () => {
    expect(ids(place([page(["1", "2"])], "2", undefined, NEW).pages)).toEqual(["1"]);
  });

  it("counts, but does not show, one beyond what is loaded", () => {
    const loaded = [{ ...page(["1", "2"], "more"), total: 9 }];
    const { pages } = place(loaded, "7", item("7"), NEW, item("7", { status: "review" }));
    expect(ids(pages)).toEqual(["1", "2"]);
    expect(totalOf(pages)).toBe(10);
  });

  it("keeps the last one that is loaded where it is when it changes in place", () => {
    const loaded = [{ ...page(["1", "2"], "more"), total: 9 }];
    const changed = place(loaded, "2", item("2", { title: "mine", version: 2 }), NEW).pages;
    expect(itemsOf(changed).map(({ title }) => title)).toEqual(["Item 1", "mine"]);
    const moved = place(loaded, "2", item("2", { position: "2.5", version: 2 }), NEW).pages;
    expect(ids(moved)).toEqual(["1"]);
  });

  it("says when a total is a guess", () => {
    const loaded = [{ ...page(["1", "2"], "more"), total: 9 }];
    expect(place(loaded, "7", item("7"), NEW).certain).toBe(false);
    expect(place(loaded, "7", item("7"), NEW, item("7")).certain).toBe(true);
    expect(place([page(["1"])], "7", item("7"), NEW).certain).toBe(true);
  });

  it("leaves alone what it does not concern", () => {
    const loaded = [page(["1"])];
    expect(place(loaded, "9", item("9", { status: "review" }), NEW).pages).toBe(loaded);
  });

  it("finds the page it belongs to", () => {
    const loaded = [page(["1", "2"], "a"), page(["4", "5"])];
    const { pages } = place(loaded, "3", item("3"), NEW);
    expect(pages.map((one) => one.items.length)).toEqual([2, 3]);
    expect(ids(pages)).toEqual(["1", "2", "3", "4", "5"]);
  });
});

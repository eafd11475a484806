import { describe, expect, it } from "vitest";
import { item } from "./fixtures";
import { comparing, countFilters, matches, NO_FILTERS, toParameters } from "./query";

describe("filters", () => {
  it("are any of, in each; all of, together", () => {
    const one = item("1", { priority: "high", tags: ["a", "b"] });
    expect(matches(one, NO_FILTERS)).toBe(true);
    expect(matches(one, { ...NO_FILTERS, priority: ["low", "high"], tag: ["b", "z"] })).toBe(true);
    expect(matches(one, { ...NO_FILTERS, priority: ["high"], tag: ["z"] })).toBe(false);
    expect(matches(one, { ...NO_FILTERS, q: "ITEM" })).toBe(true);
    expect(matches(one, { ...NO_FILTERS, q: "nothing" })).toBe(false);
  });

  it("are repeated parameters of the API", () => {
    const query = { ...NO_FILTERS, tag: ["a", "b & c"], q: "x", sort: "-title" } as const;
    expect(toParameters(query).toString()).toBe("tag=a&tag=b+%26+c&q=x&sort=-title");
    expect(countFilters(query)).toBe(3);
  });
});

describe("orders", () => {
  const three = [
    item("1", { priority: "high", position: "3", title: "b" }),
    item("2", { priority: "low", position: "1", title: "c" }),
    item("10", { priority: "high", position: "2", title: "a" }),
  ];
  const order = (sort: Parameters<typeof comparing>[0]) =>
    [...three].sort(comparing(sort)).map(({ id }) => id);

  it("rank priorities, and let ids decide a tie", () => {
    expect(order("priority")).toEqual(["2", "1", "10"]);
    expect(order("-priority")).toEqual(["10", "1", "2"]);
    expect(order("position")).toEqual(["2", "10", "1"]);
    expect(order("-title")).toEqual(["2", "1", "10"]);
  });
});

import { describe, expect, it } from "vitest";
import { wordsOf } from ".";
import { en, type MessageKey } from "./en";
import { pt } from "./pt";

const keys = Object.keys(en) as MessageKey[];
const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

describe("languages", () => {
  it.each(keys)("%s has the same values in both", (key) => {
    expect(pt[key].trim()).not.toBe("");
    expect(holes(pt[key])).toEqual(holes(en[key]));
  });

  it("say numbers and dates their own way", () => {
    const [english, portuguese] = [wordsOf("en", () => {}), wordsOf("pt", () => {})];
    expect(english.n("table.rows", 1)).toBe("1 item");
    expect(english.n("table.rows", 100_000)).toBe("100,000 items");
    expect(portuguese.n("table.rows", 100_000)).toBe("100.000 itens");
    expect(english.date("2026-03-05T12:00:00Z", "day")).toBe("5 Mar 2026");
    expect(portuguese.date("2026-03-05T12:00:00Z", "day")).toContain("de mar");
  });
});

import { describe, expect, it } from "vitest";
import { comparePositions, positionBetween } from "./position";

describe("positions", () => {
  it("compares what doubles cannot tell apart", () => {
    expect(comparePositions("1.00000000000000000001", "1.00000000000000000002")).toBe(-1);
    expect(comparePositions("10", "9")).toBeGreaterThan(0);
    expect(comparePositions("1.50", "1.5")).toBe(0);
    expect(comparePositions("-2", "-1")).toBeLessThan(0);
  });

  it("finds a place between two, however often", () => {
    let [low, high] = ["1", "2"];
    for (let move = 0; move < 200; move += 1) {
      const middle = positionBetween(low, high);
      expect(comparePositions(low, middle)).toBeLessThan(0);
      expect(comparePositions(middle, high)).toBeLessThan(0);
      if (move % 2) low = middle;
      else high = middle;
    }
  });

  it("finds a place beyond either end, and anywhere in an empty column", () => {
    expect(positionBetween("3.5", undefined)).toBe("4.5");
    expect(positionBetween(undefined, "1")).toBe("0");
    expect(positionBetween(undefined, undefined)).toBe("0");
    expect(positionBetween("-1", "0")).toBe("-0.5");
  });
});

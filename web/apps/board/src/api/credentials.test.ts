import { describe, expect, it } from "vitest";
import { may } from "../data/session";
import { headersOf, secretOf } from "./credentials";

describe("what somebody signs in with", () => {
  it("is taken without what copying brings along", () => {
    expect(secretOf("  abc.def-_123==\n")).toBe("abc.def-_123==");
    expect(secretOf("Bearer abc")).toBe("abc");
  });

  it.each(["", "  ", "two words", "a\r\nX-Evil: 1", "ключ", "x".repeat(8001)])(
    "is none where no header could hold it: %j",
    (text) => expect(secretOf(text)).toBeUndefined(),
  );

  it("is sent in the one way that keys and tokens share", () => {
    expect(headersOf("abc")).toEqual({ authorization: "Bearer abc" });
    expect(headersOf(undefined)).toEqual({});
  });
});

describe("a role", () => {
  const as = (role: "viewer" | "editor" | "admin") =>
    ({ kind: "signed-in", me: { name: "ann", role, auth_mode: "api-key" } }) as const;

  it("may do what those below it may", () => {
    expect([may(as("viewer"), "viewer"), may(as("viewer"), "editor")]).toEqual([true, false]);
    expect([may(as("editor"), "editor"), may(as("editor"), "admin")]).toEqual([true, false]);
    expect([may(as("admin"), "viewer"), may(as("admin"), "admin")]).toEqual([true, true]);
  });

  it("is not known here where nobody has signed in: the API decides", () => {
    expect(may({ kind: "anonymous" }, "admin")).toBe(true);
  });
});

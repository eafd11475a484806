import { describe, expect, it } from "vitest";
import { ApiError, UnreachableError } from "../api/http";
import type { Item } from "../api/types";
import type { Edit } from "./edits";
import { item } from "./fixtures";
import { Outbox } from "./outbox";

type Answer = readonly Item[] | Error;

/** An API that gives prepared answers, and a wait that ends when told to. */
function world(...answers: Answer[]) {
  const sent: Edit[] = [];
  const saved: (readonly Edit[])[] = [];
  const refused: [string, boolean][] = [];
  const waits: (() => void)[] = [];
  const busyAtEnd: boolean[] = [];
  const outbox = new Outbox({
    send: async (edit) => {
      sent.push(edit);
      const answer = answers.shift() ?? [{ ...edit.base, version: edit.base.version + 1 }];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    save: (edits) => saved.push(edits),
    confirmed: () => {},
    refused: (edit, _error, heard) => refused.push([edit.key, heard]),
    ended: () => busyAtEnd.push(outbox.busyWith("1")),
    wait: () => new Promise((resolve) => waits.push(resolve)),
  });
  return { outbox, sent, saved, refused, waits, busyAtEnd };
}

function update(key: string, id = "1", title = key): Edit {
  return { kind: "update", key, branch: undefined, base: item(id), changes: { title } };
}

const conflict = (theirs: Item) =>
  new ApiError(412, { error: "PRECONDITION_FAILED", message: "no", data: theirs });
const settled = () => new Promise((resolve) => setTimeout(resolve));

describe("the outbox", () => {
  it("sends one after the other, each on top of the one before", async () => {
    const { outbox, sent, saved } = world();
    const results = await Promise.all([outbox.add(update("a")), outbox.add(update("b"))]);
    expect(results.map(({ kind }) => kind)).toEqual(["saved", "saved"]);
    expect(sent.map(({ key, base }) => [key, base.version])).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(saved.at(-1)).toEqual([]);
  });

  it.each([
    ["a good answer", [item("1", { version: 2 })]],
    ["a refusal", new ApiError(400, { error: "VALIDATION_ERROR", message: "no" })],
    ["a conflict", conflict(item("1", { title: "theirs", version: 2 }))],
  ] as const)("is no longer busy with an item after %s, and says so", async (_name, answer) => {
    const { outbox, busyAtEnd } = world(answer);
    await outbox.add(update("a"));
    await settled();
    expect(busyAtEnd).toEqual([false]);
  });

  it("writes an edit down before it is sent", () => {
    const { outbox, saved } = world();
    void outbox.add(update("a"));
    expect(saved[0]?.map(({ key }) => key)).toEqual(["a"]);
  });

  it("keeps what nobody may send until somebody has signed in", async () => {
    const { outbox, sent, refused, waits } = world(new ApiError(401, { message: "who?" }));
    expect((await outbox.add(update("a"))).kind).toBe("queued");
    expect(outbox.edits.get()).toHaveLength(1);
    waits.shift()?.();
    await settled();
    expect(sent).toHaveLength(2);
    expect(outbox.edits.get()).toEqual([]);
    expect(refused).toEqual([]);
  });

  it("keeps what cannot be sent, says so at once, and sends it later", async () => {
    const { outbox, sent, waits } = world(new UnreachableError(), new UnreachableError());
    expect((await outbox.add(update("a"))).kind).toBe("queued");
    expect((await outbox.add(update("b", "2"))).kind).toBe("queued");
    expect(outbox.edits.get()).toHaveLength(2);
    waits.shift()?.();
    await settled();
    waits.shift()?.();
    await settled();
    expect(sent.map(({ key }) => key)).toEqual(["a", "a", "a", "b"]);
    expect(outbox.edits.get()).toEqual([]);
  });

  it("waits as long as the API asks it to", async () => {
    const { outbox, waits } = world(new ApiError(429, {}, 3));
    expect((await outbox.add(update("a"))).kind).toBe("queued");
    expect(waits).toHaveLength(1);
  });

  it("takes back an edit that was not sent yet, and no other", async () => {
    const { outbox } = world(new UnreachableError());
    await outbox.add(update("a"));
    await outbox.add(update("b", "2"));
    expect(outbox.cancel("b")).toBe(true);
    expect(outbox.edits.get().map(({ key }) => key)).toEqual(["a"]);
    expect(outbox.cancel("nothing")).toBe(false);
  });

  it("hands back what the API refuses, and goes on", async () => {
    const fields = [{ field: "title", message: "too long", code: "x" }];
    const { outbox, refused } = world(new ApiError(400, { message: "no", errors: fields }));
    const [first, second] = await Promise.all([
      outbox.add(update("a")),
      outbox.add(update("b", "2")),
    ]);
    expect(first).toEqual({ kind: "refused", message: "no", fields });
    expect(second.kind).toBe("saved");
    expect(refused).toEqual([["a", true]]);
  });

  it("tells somebody else when its author no longer waits", async () => {
    const { outbox, refused, waits } = world(new UnreachableError(), new ApiError(404, {}));
    await outbox.add(update("a"));
    waits.shift()?.();
    await settled();
    expect(refused).toEqual([["a", false]]);
  });

  it("holds up an item in conflict, and nothing else", async () => {
    const theirs = item("1", { title: "theirs", version: 4 });
    const { outbox, sent } = world(conflict(theirs));
    expect((await outbox.add(update("a"))).kind).toBe("conflict");
    void outbox.add(update("b"));
    expect((await outbox.add(update("c", "2"))).kind).toBe("saved");
    expect(sent.map(({ key }) => key)).toEqual(["a", "c"]);
    outbox.settle("a", "ours");
    await settled();
    expect(sent.slice(2).map(({ key, base }) => [key, base.version])).toEqual([
      ["a", 4],
      ["b", 5],
    ]);
  });

  it("lets theirs stand, and goes on from it", async () => {
    const theirs = item("1", { title: "theirs", version: 4 });
    const { outbox, sent } = world(conflict(theirs));
    await outbox.add(update("a"));
    void outbox.add(update("b"));
    outbox.settle("a", "theirs");
    await settled();
    expect(sent.map(({ key, base }) => [key, base.version])).toEqual([
      ["a", 1],
      ["b", 4],
    ]);
  });

  it("sends again by itself what both can stand", async () => {
    const theirs = item("1", { priority: "low", version: 4 });
    const { outbox, sent } = world(conflict(theirs));
    expect((await outbox.add(update("a"))).kind).toBe("saved");
    expect(sent.map(({ base }) => base.version)).toEqual([1, 4]);
  });

  it("adopts what another page left, once", async () => {
    const { outbox, sent } = world();
    outbox.adopt([update("a"), update("b", "2")]);
    outbox.adopt([update("b", "2")]);
    await settled();
    expect(sent.map(({ key }) => key)).toEqual(["a", "b"]);
  });
});

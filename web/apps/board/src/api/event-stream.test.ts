import { describe, expect, it } from "vitest";
import { EventParser, readEvents, type StreamEvent } from "./event-stream";

const STREAM = [
  "id: a.1\n\n",
  ": heartbeat\n\n",
  'event: item.created\nid: a.2\ndata: {"id":"7"}\n\n',
  "event: resync\ndata:\n\n",
  "data: one\ndata:two\n\n",
  "event: nothing\n\n",
].join("");

const EVENTS: readonly StreamEvent[] = [
  { type: "", data: "", id: "a.1" },
  { type: "item.created", data: '{"id":"7"}', id: "a.2" },
  { type: "resync", data: "", id: "a.2" },
  { type: "message", data: "one\ntwo", id: "a.2" },
];

describe("a stream of events", () => {
  it.each(["\n", "\r\n", "\r"])("is read with lines that end in %j", (end) => {
    const text = STREAM.replaceAll("\n", end);
    // A CR may be half of a line's end until more comes.
    expect(new EventParser().push(`${text}:${end}`)).toEqual(EVENTS);
  });

  it.each(["\n", "\r\n"])("is the same wherever it is cut (%j)", (end) => {
    const text = `${STREAM.replaceAll("\n", end)}:${end}`;
    for (let at = 0; at <= text.length; at += 1) {
      const parser = new EventParser();
      const events = [...parser.push(text.slice(0, at)), ...parser.push(text.slice(at))];
      expect(events, `cut at ${at}`).toEqual(EVENTS);
    }
  });

  it("is read byte by byte, letters of several bytes too", async () => {
    const bytes = new TextEncoder().encode("data: é – ☃\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const heard: StreamEvent[] = [];
    await readEvents(body, (event) => heard.push(event));
    expect(heard).toEqual([{ type: "message", data: "é – ☃", id: "" }]);
  });
});

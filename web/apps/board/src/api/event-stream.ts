/**
 * Server-sent events over fetch: the browser's own EventSource sends no credentials.
 *
 * As the HTML standard reads them, but for `retry`, which is not heeded.
 */

export interface StreamEvent {
  /** Empty where a block had an id only. */
  readonly type: string;
  readonly data: string;
  /** The id in force: the block's own or the last one before it. */
  readonly id: string;
}

export class EventParser {
  private rest = "";
  private type = "";
  private data: string[] = [];
  private id = "";
  private hasId = false;

  /** Take a piece of the stream; the events that it completes. */
  push(piece: string): readonly StreamEvent[] {
    // A CR at the end may be half of a CRLF: it waits for what comes next.
    const text = this.rest + piece;
    const whole = text.endsWith("\r") ? text.slice(0, -1) : text;
    const lines = whole.split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? "") + text.slice(whole.length);
    return lines.flatMap((line) => this.line(line) ?? []);
  }

  private line(line: string): StreamEvent | undefined {
    if (line === "") return this.end();
    const at = line.indexOf(":");
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "event") this.type = value;
    if (field === "data") this.data.push(value);
    if (field === "id" && !value.includes("\0")) {
      this.id = value;
      this.hasId = true;
    }
    return undefined;
  }

  private end(): StreamEvent | undefined {
    const { type, data, id, hasId } = this;
    this.type = "";
    this.data = [];
    this.hasId = false;
    if (data.length === 0) return hasId ? { type: "", data: "", id } : undefined;
    return { type: type || "message", data: data.join("\n"), id };
  }
}

/** Tell of each event until the stream ends; fails where the connection does. */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  tell: (event: StreamEvent) => void,
): Promise<void> {
  const parser = new EventParser();
  const reader = body.pipeThrough(new TextDecoderStream() as TextDecoding).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    for (const event of parser.push(read.value)) tell(event);
  }
}

/** As the standard has it; TypeScript's own is of a broader kind of bytes. */
type TextDecoding = ReadableWritablePair<string, Uint8Array>;

/**
 * The change stream: keeps what was loaded in step with what others do.
 *
 * Changes are gathered for a moment. A few are fetched one by one; many make the lists
 * load again, which costs less than each of them.
 */

export interface Change {
  readonly type: string;
  readonly id: string;
  readonly version: number;
}

export interface LivePorts {
  url(lastEventId: string | undefined): string;
  /** The stream is there (again). `missed`: changes may have gone by unseen. */
  opened(missed: boolean): void;
  lost(): void;
  changed(changes: readonly Change[]): void;
  resync(): void;
}

const TYPES = [
  "item.created",
  "item.updated",
  "item.deleted",
  "category.created",
  "category.updated",
  "category.deleted",
] as const;

/** Milliseconds over which changes are gathered. */
const GATHER = 120;
const FIRST_RETRY = 400;
const LONGEST_RETRY = 10_000;

export class Live {
  private readonly ports: LivePorts;
  private source: EventSource | undefined;
  private lastEventId: string | undefined;
  private pending: Change[] = [];
  private gatherer: ReturnType<typeof setTimeout> | undefined;
  private retrier: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  constructor(ports: LivePorts) {
    this.ports = ports;
  }

  start(): void {
    clearTimeout(this.retrier);
    this.source?.close();
    const source = new EventSource(this.ports.url(this.lastEventId));
    this.source = source;
    source.onopen = () => this.onOpen();
    source.onerror = () => this.onError();
    source.addEventListener("resync", () => this.ports.resync());
    source.addEventListener("hello", (event) => this.remember(event));
    for (const type of TYPES) {
      source.addEventListener(type, (event) => this.onChange(type, event));
    }
  }

  /** Try again at once, if it is not there. */
  nudge(): void {
    if (this.failures > 0) this.start();
  }

  stop(): void {
    clearTimeout(this.retrier);
    clearTimeout(this.gatherer);
    this.source?.close();
    this.source = undefined;
  }

  private onOpen(): void {
    this.failures = 0;
    // Without a last event there is nothing to resume from.
    this.ports.opened(this.lastEventId === undefined);
  }

  /** The browser's own retry gives up at the first answer that is no stream: ours does not. */
  private onError(): void {
    this.source?.close();
    this.failures += 1;
    if (this.failures > 1) this.ports.lost();
    const delay = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** (this.failures - 1));
    this.retrier = setTimeout(() => this.start(), delay);
  }

  private onChange(type: string, event: MessageEvent<string>): void {
    this.remember(event);
    const { id, version } = JSON.parse(event.data) as Change;
    this.pending.push({ type, id, version });
    this.gatherer ??= setTimeout(() => this.flush(), GATHER);
  }

  private remember(event: MessageEvent<string>): void {
    if (event.lastEventId !== "") this.lastEventId = event.lastEventId;
  }

  private flush(): void {
    this.gatherer = undefined;
    const changes = this.pending;
    this.pending = [];
    this.ports.changed(newest(changes));
  }
}

/** The last change of each thing. */
export function newest(changes: readonly Change[]): readonly Change[] {
  const last = new Map<string, Change>();
  for (const change of changes) {
    last.set(`${change.type.split(".")[0]} ${change.id}`, change);
  }
  return [...last.values()];
}

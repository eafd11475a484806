/**
 * The change stream: keeps what was loaded in step with what others do.
 *
 * Changes are gathered for a moment. A few are fetched one by one; many make the lists
 * load again, which costs less than each of them.
 */

import type { StreamEvent } from "../api/event-stream";
import { ApiError } from "../api/http";

export interface Change {
  readonly type: string;
  readonly id: string;
  readonly version: number;
}

export interface LivePorts {
  /** Tell of events after one, until the stream ends; fails where it cannot be had. */
  listen(
    lastEventId: string | undefined,
    told: {
      readonly signal: AbortSignal;
      readonly opened: () => void;
      readonly event: (event: StreamEvent) => void;
    },
  ): Promise<void>;
  /** The stream is there (again). `missed`: changes may have gone by unseen. */
  opened(missed: boolean): void;
  lost(): void;
  changed(changes: readonly Change[]): void;
  resync(): void;
}

/** Milliseconds over which changes are gathered. */
const GATHER = 120;
const FIRST_RETRY = 400;
const LONGEST_RETRY = 10_000;

export class Live {
  private readonly ports: LivePorts;
  private controller: AbortController | undefined;
  private lastEventId: string | undefined;
  private pending: Change[] = [];
  private gatherer: ReturnType<typeof setTimeout> | undefined;
  private retrier: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  constructor(ports: LivePorts) {
    this.ports = ports;
  }

  start(): void {
    this.hangUp();
    const controller = new AbortController();
    this.controller = controller;
    void this.listen(controller.signal);
  }

  /** Try again at once, if it is not there. */
  nudge(): void {
    if (this.failures > 0) this.start();
  }

  stop(): void {
    this.hangUp();
    clearTimeout(this.gatherer);
  }

  private hangUp(): void {
    clearTimeout(this.retrier);
    this.controller?.abort();
    this.controller = undefined;
  }

  private async listen(signal: AbortSignal): Promise<void> {
    try {
      await this.ports.listen(this.lastEventId, {
        signal,
        opened: () => this.onOpen(signal),
        event: (event) => this.onEvent(signal, event),
      });
    } catch (error) {
      if (!signal.aborted && error instanceof ApiError && error.status === 401) {
        this.failures = 1; // whoever signs in nudges
        return;
      }
    }
    if (!signal.aborted) this.onEnd();
  }

  private onOpen(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.failures = 0;
    // Without a last event there is nothing to resume from.
    this.ports.opened(this.lastEventId === undefined);
  }

  private onEnd(): void {
    this.failures += 1;
    if (this.failures > 1) this.ports.lost();
    const delay = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** (this.failures - 1));
    this.retrier = setTimeout(() => this.start(), delay);
  }

  private onEvent(signal: AbortSignal, { type, data, id: lastEventId }: StreamEvent): void {
    if (signal.aborted) return;
    if (lastEventId !== "") this.lastEventId = lastEventId;
    if (type === "resync") this.ports.resync();
    if (!/^(item|category)\./.test(type)) return;
    const { id, version } = JSON.parse(data) as Change;
    this.pending.push({ type, id, version });
    this.gatherer ??= setTimeout(() => this.flush(), GATHER);
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

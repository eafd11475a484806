/**
 * The edits on their way to the API, oldest first, one at a time.
 *
 * They are written down before they are sent, so that neither a lost network nor a closed
 * page loses one. What cannot be sent waits; what the API refuses is handed back; what
 * collides with somebody else's change waits for a person, with everything else that was
 * done to the same item, while edits of other items go on.
 */

import { ApiError, UnreachableError } from "../api/http";
import type { FieldError, Item } from "../api/types";
import { basesOf, type Edit, rebased, renamed } from "./edits";
import { judge } from "./merge";
import { Store } from "./store";

export type Result =
  | { readonly kind: "saved"; readonly items: readonly Item[] }
  | { readonly kind: "queued" }
  | { readonly kind: "conflict" }
  | { readonly kind: "refused"; readonly message: string; readonly fields: readonly FieldError[] };

/** What the outbox needs of the world. */
export interface Ports {
  /** Send an edit; the items as they are then (of a deleted one, none). */
  send(edit: Edit): Promise<readonly Item[]>;
  /** Write down what is waiting. */
  save(edits: readonly Edit[]): void;
  /** The API has confirmed an edit. */
  confirmed(edit: Edit, items: readonly Item[]): void;
  /** The API has refused an edit; nobody but this call hears of it when `heard` is false. */
  refused(edit: Edit, error: ApiError, heard: boolean): void;
  /** A try has ended, whatever came of it: it keeps nothing busy any more. */
  ended(): void;
  /** Wait before another try: milliseconds, fewer where there is reason to hope. */
  wait(milliseconds: number): Promise<void>;
}

const LONGEST_WAIT = 15_000;

export class Outbox {
  readonly edits: Store<readonly Edit[]>;
  private readonly ports: Ports;
  private readonly waiters = new Map<string, (result: Result) => void>();
  private running = false;
  private failures = 0;
  private inFlight: Edit | undefined;

  constructor(ports: Ports, edits: readonly Edit[] = []) {
    this.ports = ports;
    this.edits = new Store(edits);
  }

  /** Take an edit; tells what became of it, "queued" when it has to wait for the network. */
  add(edit: Edit): Promise<Result> {
    const result = new Promise<Result>((resolve) => this.waiters.set(edit.key, resolve));
    this.put([...this.edits.get(), edit]);
    if (this.failures > 0) this.tell(edit.key, { kind: "queued" });
    void this.run();
    return result;
  }

  /** Take edits that another page has left behind. */
  adopt(edits: readonly Edit[]): void {
    const known = new Set(this.edits.get().map((edit) => edit.key));
    this.put([...this.edits.get(), ...edits.filter((edit) => !known.has(edit.key))]);
    void this.run();
  }

  /** Whether an edit of this item is being answered now. */
  busyWith(id: string): boolean {
    return this.inFlight !== undefined && concerns(this.inFlight, new Set([id]));
  }

  /** Take an edit back as long as it was never sent; false where that is too late. */
  cancel(key: string): boolean {
    const waits = this.edits.get().some((edit) => edit.key === key);
    if (!waits || this.inFlight?.key === key || this.failures === 0) return false;
    this.drop(key);
    return true;
  }

  /** Settle a conflict: send ours on top of theirs, or let theirs stand. */
  settle(key: string, keep: "ours" | "theirs"): void {
    const edit = this.edits.get().find((candidate) => candidate.key === key);
    const theirs = edit?.conflict;
    if (!edit || !theirs) return;
    if (keep === "theirs") {
      this.put(rebased(without(this.edits.get(), key), theirs));
    } else {
      const { conflict: _settled, ...rest } = edit;
      this.put(rebased(replaced(this.edits.get(), rest as Edit), theirs));
    }
    void this.run();
  }

  /** Send what waits; resolves when nothing is left that can be sent. */
  async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (let edit = this.next(); edit; edit = this.next()) await this.attempt(edit);
    } finally {
      this.running = false;
    }
  }

  /** The oldest edit that no conflict holds up. */
  private next(): Edit | undefined {
    const held = new Set<string>();
    for (const edit of this.edits.get()) {
      const blocked = edit.conflict !== undefined || concerns(edit, held);
      if (!blocked) return edit;
      for (const base of basesOf(edit)) held.add(base.id);
    }
    return undefined;
  }

  private async attempt(edit: Edit): Promise<void> {
    this.inFlight = edit;
    try {
      const items = await this.ports.send(edit);
      this.failures = 0;
      this.confirm(edit, items);
    } catch (error) {
      await this.failed(edit, error);
    } finally {
      this.inFlight = undefined;
      this.ports.ended();
    }
  }

  private async failed(edit: Edit, error: unknown): Promise<void> {
    if (passes(error)) {
      await this.later(error);
    } else if (error instanceof ApiError && error.status === 412 && isItem(error.data)) {
      this.disagree(edit, error.data);
    } else if (error instanceof ApiError) {
      this.refuse(edit, error);
    } else {
      throw error;
    }
  }

  private async later(error: UnreachableError | ApiError): Promise<void> {
    this.failures += 1;
    this.inFlight = undefined;
    // Whoever waits for an answer should not: the edit is safe, and shown as waiting.
    for (const edit of this.edits.get()) this.tell(edit.key, { kind: "queued" });
    const asked = error instanceof ApiError ? error.retryAfter : undefined;
    const own = Math.min(LONGEST_WAIT, 500 * 2 ** (this.failures - 1));
    await this.ports.wait(asked === undefined ? own : asked * 1000);
  }

  private confirm(edit: Edit, items: readonly Item[]): void {
    this.ports.confirmed(edit, items);
    let rest = without(this.edits.get(), edit.key);
    const [first] = items;
    if (edit.kind === "create" && first) rest = renamed(rest, edit.base.id, first);
    for (const item of items) rest = rebased(rest, item);
    this.put(rest);
    this.tell(edit.key, { kind: "saved", items });
  }

  private disagree(edit: Edit, theirs: Item): void {
    const verdict = judge(edit, theirs);
    if (verdict === "done") {
      this.confirm(edit, [theirs]);
    } else if (verdict === "rebase") {
      this.put(rebased(this.edits.get(), theirs));
    } else {
      this.put(replaced(this.edits.get(), { ...edit, conflict: theirs }));
      this.tell(edit.key, { kind: "conflict" });
    }
  }

  private refuse(edit: Edit, error: ApiError): void {
    this.drop(edit.key);
    const { message, fields } = error;
    const heard = this.tell(edit.key, { kind: "refused", message, fields });
    this.ports.refused(edit, error, heard);
  }

  private drop(key: string): void {
    this.put(without(this.edits.get(), key));
  }

  private put(edits: readonly Edit[]): void {
    this.ports.save(edits);
    this.edits.set(edits);
  }

  private tell(key: string, result: Result): boolean {
    const waiter = this.waiters.get(key);
    this.waiters.delete(key);
    waiter?.(result);
    return waiter !== undefined;
  }
}

function without(edits: readonly Edit[], key: string): readonly Edit[] {
  return edits.filter((edit) => edit.key !== key);
}

function replaced(edits: readonly Edit[], edit: Edit): readonly Edit[] {
  return edits.map((candidate) => (candidate.key === edit.key ? edit : candidate));
}

function concerns(edit: Edit, ids: ReadonlySet<string>): boolean {
  return basesOf(edit).some((base) => ids.has(base.id));
}

/** Whether it may go well later: the API is back by then, or somebody has signed in. */
function passes(error: unknown): error is UnreachableError | ApiError {
  if (error instanceof ApiError) return error.passing || error.status === 401;
  return error instanceof UnreachableError;
}

function isItem(value: unknown): value is Item {
  return typeof value === "object" && value !== null && "version" in value && "id" in value;
}

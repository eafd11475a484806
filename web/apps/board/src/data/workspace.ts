/** Everything behind the board, wired together: API, cache, outbox, change stream. */

import { QueryClient } from "@tanstack/react-query";
import { forgetAnswers } from "../api/first-requests";
import { ApiError, Http, UnreachableError } from "../api/http";
import type { Item } from "../api/types";
import { WorkspaceApi } from "../api/workspace";
import { apply, type BranchKey, find, keys, newsOf } from "./cache";
import { basesOf, type Edit } from "./edits";
import { type Change, Live } from "./live";
import { Outbox } from "./outbox";
import { SavedEdits } from "./saved-edits";
import { Session } from "./session";
import { StaleReads } from "./stale-reads";
import { Store } from "./store";

/** More changes at a time than this, and lists are loaded again instead. */
const FEW = 8;

/** Milliseconds after which lists are loaded again, where the stream began after them. */
const CATCH_UP = 1000;

export interface WorkspaceEvents {
  /** The API refused an edit whose author does not wait for the answer. */
  refused(edit: Edit, error: ApiError): void;
}

export class Workspace {
  readonly client: QueryClient;
  readonly api: WorkspaceApi;
  readonly outbox: Outbox;
  readonly session: Session;
  /** Whether the API answered when last asked. */
  readonly reachable = new Store(true);
  /** Set from outside: who is told. */
  events: WorkspaceEvents = { refused: () => {} };
  private readonly saved = new SavedEdits();
  private readonly staleReads: StaleReads;
  private live: Live | undefined;
  /** Items that were asked for and have not come yet. */
  private readonly asked = new Set<string>();
  private deferred: { readonly branch: BranchKey; readonly change: Change }[] = [];
  private wake: (() => void) | undefined;

  constructor(apiUrl: string) {
    this.client = newClient();
    this.staleReads = new StaleReads(this.client);
    this.session = new Session(apiUrl);
    this.api = new WorkspaceApi(
      new Http(`${apiUrl}/api/v1`, {
        reached: (reached) => this.onReached(reached),
        secret: () => this.session.secret,
        unauthorized: (...refusal) => this.session.refused(...refusal),
        forbidden: () => void this.renewSession(),
      }),
    );
    this.outbox = new Outbox({
      send: (edit) => this.api.send(edit),
      save: (edits) => this.saved.save(edits),
      confirmed: (edit, items) => this.onConfirmed(edit, items),
      refused: (edit, error, heard) => this.onRefused(edit, error, heard),
      ended: () => this.catchUp(),
      wait: (milliseconds) => this.wait(milliseconds),
    });
  }

  /** Begin: send what an earlier page could not, and try again when the network is back. */
  start(): void {
    void this.saved.open((edits) => this.outbox.adopt(edits));
    void this.renewSession();
    this.session.onClosedElsewhere(() => window.location.reload());
    window.addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.live?.nudge();
    });
  }

  /** Sign in, unless the API refuses (ApiError) or does not answer (UnreachableError). */
  async signIn(secret: string, remember: boolean): Promise<void> {
    this.session.open(secret, await this.api.me(secret), remember);
    this.retry();
  }

  /** Sign out; the page begins anew, so that nothing of what was seen stays on it. */
  signOut(): void {
    this.session.close();
    window.location.reload();
  }

  /** Ask the API again what whoever is signed in may do. */
  private async renewSession(): Promise<void> {
    const { secret } = this.session;
    if (secret === undefined) return;
    const me = await this.api.me(secret).catch(() => undefined);
    if (me) this.session.renew(me);
  }

  /** Try again now whatever waits. */
  retry(): void {
    this.wake?.();
    this.live?.nudge();
    this.refetchFailed();
  }

  private refetchFailed(): void {
    void this.client.refetchQueries({
      predicate: ({ state }) => state.status === "error" || state.fetchFailureCount > 0,
    });
  }

  /** Settle a conflict: ours is sent on top of theirs, or theirs stands. */
  settle(edit: Edit, theirs: Item, keep: "ours" | "theirs"): void {
    this.apply(edit.branch, theirs.id, theirs);
    this.outbox.settle(edit.key, keep);
  }

  /** Follow the changes of a branch until the function returned is called. */
  follow(branch: BranchKey): () => void {
    const live = new Live({
      listen: (last, told) => this.api.events(branch, last, told),
      opened: (missed) => this.onOpened(branch, missed),
      lost: () => this.reachable.set(false),
      changed: (changes) => void this.onChanged(branch, changes),
      resync: () => this.reload(branch),
    });
    this.live = live;
    live.start();
    return () => live.stop();
  }

  /** Load again everything of a branch that is in sight. */
  reload(branch: BranchKey): void {
    forgetAnswers();
    const gently = { cancelRefetch: false };
    void this.client.invalidateQueries({ queryKey: keys.lists(branch) }, gently);
    void this.client.invalidateQueries({ queryKey: keys.categories(branch) }, gently);
    void this.client.invalidateQueries({ queryKey: ["item", branch ?? ""] }, gently);
  }

  private onReached(reached: boolean): void {
    const was = this.reachable.get();
    this.reachable.set(reached);
    if (reached && !was) this.wake?.();
  }

  private onOpened(branch: BranchKey, missed: boolean): void {
    const was = this.reachable.get();
    this.onReached(true);
    if (!was) this.refetchFailed();
    // What was asked for just now may be older than the stream; it is asked for again
    // once it is there, never instead.
    if (missed) setTimeout(() => this.reload(branch), CATCH_UP);
  }

  private async onChanged(branch: BranchKey, changes: readonly Change[]): Promise<void> {
    const items = changes.filter((change) => change.type.startsWith("item."));
    if (items.length < changes.length) {
      void this.client.invalidateQueries({ queryKey: keys.categories(branch) });
    }
    for (const change of items.filter(({ id }) => this.isBusy(branch, id))) {
      // The answer that is on its way comes first, or counts would be wrong meanwhile.
      this.deferred.push({ branch, change });
    }
    const free = items.filter(({ id }) => !this.isBusy(branch, id));
    const news = free.filter((change) => this.isNews(branch, change));
    if (news.length > FEW) this.reload(branch);
    else await Promise.all(news.map((change) => this.bring(branch, change)));
  }

  private isBusy(branch: BranchKey, id: string): boolean {
    return this.outbox.busyWith(id) || this.asked.has(keys.item(branch, id).join("/"));
  }

  private isNews(branch: BranchKey, change: Change): boolean {
    const known = find(this.client, branch, change.id);
    if (change.type === "item.deleted") return known !== undefined;
    return known === undefined || known.version < change.version;
  }

  private async bring(branch: BranchKey, { type, id }: Change): Promise<void> {
    if (type === "item.deleted") this.apply(branch, id, undefined);
    else await this.refresh(branch, id);
  }

  /** Ask for an item, and show it as it is now. */
  private async refresh(branch: BranchKey, id: string): Promise<void> {
    const name = keys.item(branch, id).join("/");
    this.asked.add(name);
    try {
      this.apply(branch, id, await this.api.item(branch, id));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.apply(branch, id, undefined);
      else if (error instanceof ApiError || error instanceof UnreachableError) this.reload(branch);
      else throw error;
    } finally {
      this.asked.delete(name);
      this.catchUp();
    }
  }

  private apply(branch: BranchKey, id: string, item: Item | undefined): void {
    const news = newsOf(this.client, branch, id, item);
    if (!news) return;
    this.staleReads.note(branch, news);
    apply(this.client, branch, news);
  }

  private onConfirmed(edit: Edit, items: readonly Item[]): void {
    this.reachable.set(true);
    for (const item of items) this.apply(edit.branch, item.id, item);
    if (edit.kind === "delete") this.apply(edit.branch, edit.base.id, undefined);
    void this.client.invalidateQueries({ queryKey: keys.categories(edit.branch) });
  }

  /** Look at the changes that came in while an answer about the same item was awaited. */
  private catchUp(): void {
    const deferred = this.deferred;
    this.deferred = [];
    for (const { branch, change } of deferred) void this.onChanged(branch, [change]);
  }

  private onRefused(edit: Edit, error: ApiError, heard: boolean): void {
    if (error.status === 404 || error.status === 409) {
      for (const base of basesOf(edit)) void this.refresh(edit.branch, base.id);
    }
    if (!heard) this.events.refused(edit, error);
  }

  private wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.wake = done;
    });
  }
}

function newClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 60_000, // the change stream says what is stale sooner
        gcTime: 5 * 60_000,
        networkMode: "always", // what the browser calls offline may reach localhost
        refetchOnWindowFocus: false,
        retry: (count, error) =>
          error instanceof UnreachableError || (error instanceof ApiError && error.passing)
            ? count < 6
            : false,
        retryDelay: (count, error) =>
          error instanceof ApiError && error.retryAfter !== undefined
            ? error.retryAfter * 1000
            : Math.min(500 * 2 ** count, 10_000),
      },
      mutations: { networkMode: "always" },
    },
  });
}

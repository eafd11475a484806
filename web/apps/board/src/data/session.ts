/** Who is signed in, what they may do, and whether the API asks for it. */

import {
  type Credentials,
  dropCredentials,
  headersOf,
  isRemembered,
  keepCredentials,
  nameOf,
  readCredentials,
} from "../api/credentials";
import type { Me, Role } from "../api/types";
import { Store } from "./store";

/** What an API asks for: one of its keys, or a token of somebody it trusts. */
export type Wanted = "key" | "token";

export type SessionState =
  /** Nobody has signed in, and nobody was asked to. */
  | { readonly kind: "anonymous" }
  | { readonly kind: "signed-in"; readonly me: Me }
  /** The API does not know who asks; `reason` says why it does not take what it was given. */
  | { readonly kind: "wanted"; readonly wanted: Wanted; readonly reason: string | undefined };

const RANKS: Readonly<Record<Role, number>> = { viewer: 1, editor: 2, admin: 3 };

export class Session {
  readonly state: Store<SessionState>;
  private readonly apiUrl: string;
  private credentials: Credentials | undefined;

  constructor(apiUrl: string) {
    this.apiUrl = apiUrl;
    this.credentials = readCredentials(apiUrl);
    const me = this.credentials?.me;
    this.state = new Store<SessionState>(me ? { kind: "signed-in", me } : { kind: "anonymous" });
  }

  get secret(): string | undefined {
    return this.credentials?.secret;
  }

  headers(): Readonly<Record<string, string>> {
    return headersOf(this.secret);
  }

  open(secret: string, me: Me, remember: boolean): void {
    this.credentials = { secret, me };
    keepCredentials(this.apiUrl, this.credentials, remember);
    this.state.set({ kind: "signed-in", me });
  }

  /** The API has said anew who they are. */
  renew(me: Me): void {
    const now = this.state.get();
    const same = now.kind === "signed-in" && now.me.role === me.role && now.me.name === me.name;
    if (this.secret !== undefined && !same) this.open(this.secret, me, isRemembered(this.apiUrl));
  }

  /** The API has refused a request that was sent with a secret, or with none. */
  refused(secret: string | undefined, wanted: Wanted, message: string): void {
    // Whoever has signed in meanwhile does not have to again.
    if (secret !== this.secret) return;
    const reason = secret === undefined ? undefined : message;
    this.credentials = undefined;
    dropCredentials(this.apiUrl);
    if (this.state.get().kind !== "wanted") this.state.set({ kind: "wanted", wanted, reason });
  }

  /** Forget who is signed in; nothing of what they saw may stay on the page after it. */
  close(): void {
    dropCredentials(this.apiUrl);
  }

  /** Call when another tab of the browser has ended the session of both. */
  onClosedElsewhere(then: () => void): void {
    window.addEventListener("storage", ({ key, newValue }) => {
      const ours = key === nameOf(this.apiUrl) && newValue === null;
      if (ours && this.state.get().kind === "signed-in") then();
    });
  }
}

/** Whether somebody may do what a role may; without a session the API alone knows. */
export function may(state: SessionState, role: Role): boolean {
  return state.kind !== "signed-in" || RANKS[state.me.role] >= RANKS[role];
}

/**
 * What a person has signed in with: an API key or a token, for one API.
 *
 * It lasts as long as the page's tab, or until it is taken away where the person wants to
 * be remembered. Both are sent in the same way, which every mode of the API takes.
 */

import type { Me } from "./types";

export interface Credentials {
  readonly secret: string;
  /** Whom the API took it for, when last asked. */
  readonly me: Me;
}

export function nameOf(apiUrl: string): string {
  return `workspace.credentials ${apiUrl}`;
}

export function readCredentials(apiUrl: string): Credentials | undefined {
  const name = nameOf(apiUrl);
  const text = sessionStorage.getItem(name) ?? localStorage.getItem(name);
  try {
    return text === null ? undefined : (JSON.parse(text) as Credentials);
  } catch {
    return undefined; // not ours: nothing this program wrote fails to parse
  }
}

export function keepCredentials(apiUrl: string, credentials: Credentials, remember: boolean): void {
  const [storage, other] = remember
    ? [localStorage, sessionStorage]
    : [sessionStorage, localStorage];
  other.removeItem(nameOf(apiUrl));
  storage.setItem(nameOf(apiUrl), JSON.stringify(credentials));
}

export function isRemembered(apiUrl: string): boolean {
  return localStorage.getItem(nameOf(apiUrl)) !== null;
}

export function dropCredentials(apiUrl: string): void {
  sessionStorage.removeItem(nameOf(apiUrl));
  localStorage.removeItem(nameOf(apiUrl));
}

/** The headers that tell the API who asks. */
export function headersOf(secret: string | undefined): Readonly<Record<string, string>> {
  return secret === undefined ? {} : { authorization: `Bearer ${secret}` };
}

/** What was typed or pasted, without what is not part of it; undefined where it can be none. */
export function secretOf(text: string): string | undefined {
  const secret = text.trim().replace(/^bearer\s+/i, "");
  return /^[\x21-\x7e]{1,8000}$/.test(secret) ? secret : undefined;
}

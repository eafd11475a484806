/**
 * Where waiting edits are kept: in the browser's storage, under a name of this page's own.
 *
 * A page holds a lock as long as it lives. Edits whose page is gone, closed or crashed,
 * are nobody's: the next page to look takes them over.
 */

import { newKey } from "../state/key";
import type { Edit } from "./edits";

const PREFIX = "workspace.edits.";

export class SavedEdits {
  private readonly name = PREFIX + newKey();

  save(edits: readonly Edit[]): void {
    if (edits.length === 0) localStorage.removeItem(this.name);
    else localStorage.setItem(this.name, JSON.stringify(edits));
  }

  /** Hold this page's name for its whole life, then hand over what dead pages left. */
  async open(adopt: (edits: readonly Edit[]) => void): Promise<void> {
    await hold(this.name);
    const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
    for (const name of names.filter((candidate) => candidate !== this.name)) {
      await ifNobodyHolds(name, () => {
        const edits = read(name);
        adopt(edits);
        localStorage.removeItem(name);
      });
    }
  }
}

function read(name: string): readonly Edit[] {
  try {
    const edits: unknown = JSON.parse(localStorage.getItem(name) ?? "[]");
    return Array.isArray(edits) ? edits : [];
  } catch {
    return []; // not ours: nothing this program wrote fails to parse
  }
}

/** Take a lock that only the end of the page gives back; at once without locks. */
function hold(name: string): Promise<void> {
  if (!navigator.locks) return Promise.resolve();
  return new Promise((resolve) => {
    void navigator.locks.request(name, () => {
      resolve();
      return new Promise(() => {});
    });
  });
}

async function ifNobodyHolds(name: string, act: () => void): Promise<void> {
  if (!navigator.locks) return act();
  await navigator.locks.request(name, { ifAvailable: true }, (lock) => {
    if (lock) act();
  });
}

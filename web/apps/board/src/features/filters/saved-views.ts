/** Views kept in this browser under a name; each is an address, as of a link. */

import { Store } from "../../data/store";

export interface SavedView {
  readonly name: string;
  readonly hash: string;
}

const KEY = "workspace.views";

function read(): readonly SavedView[] {
  try {
    const views: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(views) ? views.filter(isView) : [];
  } catch {
    return []; // not ours: nothing this program wrote fails to parse
  }
}

function isView(value: unknown): value is SavedView {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as SavedView).name === "string" &&
    typeof (value as SavedView).hash === "string"
  );
}

export const savedViews = new Store<readonly SavedView[]>(read());

export function keepView(view: SavedView): void {
  put([...savedViews.get().filter(({ name }) => name !== view.name), view]);
}

export function dropView(name: string): void {
  put(savedViews.get().filter((view) => view.name !== name));
}

function put(views: readonly SavedView[]): void {
  localStorage.setItem(KEY, JSON.stringify(views));
  savedViews.set(views);
}

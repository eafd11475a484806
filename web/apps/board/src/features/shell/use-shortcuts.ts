import { useEffect } from "react";
import { may } from "../../data/session";
import { type App, useApp } from "../../state/app";
import { parseView } from "../../state/url";
import { changeView } from "../../state/use-view";

type Shortcut = (app: App) => void;

/** What single keys do anywhere; the list that `?` shows is in KeyboardHelp. */
const SHORTCUTS: Readonly<Record<string, Shortcut>> = {
  "?": ({ dialog }) => dialog.set({ kind: "keys" }),
  n: ({ dialog, workspace }) => {
    if (may(workspace.session.state.get(), "editor")) dialog.set({ kind: "create", status: "new" });
  },
  c: ({ dialog }) => dialog.set({ kind: "categories" }),
  b: ({ dialog }) => dialog.set({ kind: "branches" }),
  u: ({ toasts }) => toasts.act(),
  "/": () => document.querySelector<HTMLElement>("[data-search]")?.focus(),
  v: () => {
    const { kind } = parseView(window.location.hash);
    changeView({ kind: kind === "board" ? "table" : "board", sort: undefined });
  },
};

export function useShortcuts() {
  const app = useApp();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const undo = (event.ctrlKey || event.metaKey) && event.key === "z";
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (event.defaultPrevented || (!plain && !undo) || isBusy(event.target)) return;
      const shortcut = undo ? SHORTCUTS.u : SHORTCUTS[event.key];
      if (!shortcut) return;
      event.preventDefault();
      shortcut(app);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [app]);
}

/** Whether keys mean something else now: in a field, a menu, a dialog, or while moving. */
function isBusy(target: EventTarget | null): boolean {
  const inField =
    target instanceof Element && target.closest("input, textarea, select, [role=menu]");
  const elsewhere = document.querySelector(
    '[role="dialog"], [role="alertdialog"], [data-dragging="true"]',
  );
  return Boolean(inField) || elsewhere !== null;
}

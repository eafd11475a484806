/** What a click or a key on a card does. */

import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef } from "react";
import type { Item } from "../../api/types";
import type { ColumnData } from "../../data/hooks";
import { useApp } from "../../state/app";
import { extended, NOTHING, type Selection, toggled } from "../../state/selection";
import { changeView } from "../../state/use-view";
import type { CardHandlers } from "./Card";
import { selectedItems } from "./use-drag";

interface Options {
  readonly columns: readonly ColumnData[];
  readonly selection: Selection;
  readonly setSelection: (selection: Selection) => void;
  /** While a card moves, keys move it. */
  readonly moving: boolean;
  /** Who may not edit can open cards and walk between them, and that is all. */
  readonly editable: boolean;
}

/** Keys that select a card or change it. */
const EDITS: ReadonlySet<string> = new Set(["x", "e", "Delete"]);

/** Handlers that stay the same objects, so that a card renders only when it changes. */
export function useCardHandlers(options: Options): CardHandlers {
  const { dialog } = useApp();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  return useMemo(() => {
    const orderAround = (id: string) =>
      latest.current.columns
        .find(({ items }) => items.some((item) => item.id === id))
        ?.items.map((item) => item.id) ?? [];
    const toggle = (id: string) =>
      latest.current.setSelection(toggled(latest.current.selection, id));
    const extend = (id: string) =>
      latest.current.setSelection(extended(latest.current.selection, id, orderAround(id)));

    const onPress = (item: Item, event: MouseEvent) => {
      if (!latest.current.editable) changeView({ item: item.id });
      else if (event.shiftKey) extend(item.id);
      else if (event.ctrlKey || event.metaKey) toggle(item.id);
      else changeView({ item: item.id });
    };

    /** Go to the next card; with Shift, select up to it. */
    const go = (item: Item, event: KeyboardEvent) =>
      walk(event, (next) => {
        const { selection, editable } = latest.current;
        if (!event.shiftKey || !editable) return;
        if (selection.ids.size === 0) toggle(item.id);
        queueMicrotask(() => extend(next));
      });

    const onKey = (item: Item, event: KeyboardEvent) => {
      const { columns, selection, setSelection } = latest.current;
      if (isDeaf(event, latest.current)) return;
      switch (event.key) {
        case "Enter":
          changeView({ item: item.id });
          break;
        case "x":
          toggle(item.id);
          break;
        case "e":
          dialog.set({ kind: "edit", id: item.id });
          break;
        case "Delete": {
          const items = selection.ids.has(item.id) ? selectedItems(columns, selection) : [item];
          dialog.set({ kind: "delete", items });
          break;
        }
        case "Escape":
          setSelection(NOTHING);
          break;
        default:
          if (!event.key.startsWith("Arrow")) return;
          go(item, event);
      }
      event.preventDefault();
      event.stopPropagation();
    };

    return { onPress, onKey, onToggle: (item) => toggle(item.id) };
  }, [dialog]);
}

/** Whether a key means nothing to a card now. */
function isDeaf(event: KeyboardEvent, { moving, editable }: Options): boolean {
  const combined = event.ctrlKey || event.metaKey || event.altKey;
  return moving || combined || (!editable && EDITS.has(event.key));
}

/** Take the focus to the next card in a direction. */
function walk(event: KeyboardEvent, then: (id: string) => void): void {
  const from = event.currentTarget.closest<HTMLElement>("[data-card]");
  const list = from?.parentElement;
  if (!from || !list) return;
  const next =
    event.key.endsWith("Up") || event.key.endsWith("Down")
      ? cardsIn(list)[cardsIn(list).indexOf(from) + (event.key === "ArrowDown" ? 1 : -1)]
      : cardAcross(list, from, event.key === "ArrowRight" ? 1 : -1);
  const button = next?.querySelector<HTMLElement>("[role=button]");
  if (!next || !button) return;
  button.focus();
  then(next.dataset.card ?? "");
}

function cardsIn(list: Element): readonly HTMLElement[] {
  return [...list.querySelectorAll<HTMLElement>("[data-card]")];
}

/** The card at the same height in the nearest column that has any. */
function cardAcross(list: Element, from: Element, step: -1 | 1): HTMLElement | undefined {
  const lists = [...document.querySelectorAll("[data-list]")];
  const { top } = from.getBoundingClientRect();
  for (let at = lists.indexOf(list) + step; lists[at]; at += step) {
    const cards = cardsIn(lists[at] as Element);
    const below = cards.find((card) => card.getBoundingClientRect().bottom > top);
    if (cards.length > 0) return below ?? cards.at(-1);
  }
  return undefined;
}

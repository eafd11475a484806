/** Slots between cards, found on the screen. Cards that move do not count. */

import type { Status } from "../../api/types";

export interface Slot {
  readonly status: Status;
  readonly index: number;
}

export function listElement(status: Status): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-list="${status}"]`);
}

function stayingCards(status: Status, moving: ReadonlySet<string>): readonly HTMLElement[] {
  const list = listElement(status);
  const cards = list ? [...list.querySelectorAll<HTMLElement>("[data-card]")] : [];
  return cards.filter((card) => !moving.has(card.dataset.card ?? ""));
}

/** The slot at a height of the screen, in CSS pixels. */
export function slotAt(status: Status, y: number, moving: ReadonlySet<string>): Slot {
  const cards = stayingCards(status, moving);
  const index = cards.findIndex((card) => {
    const { top, height } = card.getBoundingClientRect();
    return y < top + height / 2;
  });
  return { status, index: index < 0 ? cards.length : index };
}

/** Where a slot is on the screen, after scrolling it into sight. */
export function placeOf(slot: Slot, moving: ReadonlySet<string>): { x: number; y: number } {
  const cards = stayingCards(slot.status, moving);
  const card = cards[slot.index] ?? cards.at(-1);
  const element = card ?? listElement(slot.status);
  if (!element) return { x: 0, y: 0 };
  element.scrollIntoView({ block: "nearest", inline: "nearest" });
  const { left, top, bottom } = element.getBoundingClientRect();
  return { x: left, y: card && slot.index >= cards.length ? bottom : top };
}

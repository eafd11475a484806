/** Places between cards, and where moved cards came from: pure. */

import type { Item, Status } from "../api/types";
import { positionBetween } from "../data/position";

export interface Column {
  readonly status: Status;
  readonly items: readonly Item[];
  /** Whether nothing of the column is left to load. */
  readonly whole: boolean;
}

export interface Origin {
  readonly id: string;
  readonly status: Status;
  readonly position: string;
  readonly after: string | undefined;
  readonly before: string | undefined;
}

/**
 * Where each item stands, told by a neighbour, in the order in which to put them back.
 *
 * The neighbour in front may be one that moves too: it is back by then. Behind, it must
 * be one that stays.
 */
export function originsOf(items: readonly Item[], columns: readonly Column[]): readonly Origin[] {
  const moving = new Set(items.map((item) => item.id));
  return columns.flatMap(({ items: order }) =>
    order.flatMap((item, index) => {
      if (!moving.has(item.id)) return [];
      const after = order[index - 1]?.id;
      const behind = order.slice(index + 1).find((other) => !moving.has(other.id));
      const { id, status, position } = item;
      return [{ id, status, position, after, before: after ? undefined : behind?.id }];
    }),
  );
}

export interface Slotted {
  readonly after: Item | undefined;
  readonly before: Item | undefined;
  /** A place for each item, until the API has said its own. */
  readonly positions: readonly string[];
}

/** What lies on either side of a slot; slots count the cards that stay in the column. */
export function slotted(items: readonly Item[], to: Column, slot: number): Slotted {
  const rest = staying(items, to);
  const [after, before] = [rest[slot - 1], rest[slot]];
  const positions: string[] = [];
  for (const _item of items) {
    const last = positions.at(-1) ?? after?.position;
    positions.push(positionBetween(last, before?.position));
  }
  return { after, before, positions };
}

export function staying(items: readonly Item[], column: Column): readonly Item[] {
  const moving = new Set(items.map((item) => item.id));
  return column.items.filter((item) => !moving.has(item.id));
}

/** Whether putting items into a slot would leave everything as it is. */
export function changesNothing(items: readonly Item[], to: Column, slot: number): boolean {
  const rest = staying(items, to);
  const next = [...rest.slice(0, slot), ...items, ...rest.slice(slot)];
  return (
    next.length === to.items.length && next.every((item, index) => item.id === to.items[index]?.id)
  );
}

/** Pure changes to what was loaded of a list: pages of items in the list's order. */

import type { Item } from "../api/types";
import { comparing, type ItemQuery, matches } from "./query";

export interface ItemPage {
  readonly items: readonly Item[];
  /** All that match, loaded or not. */
  readonly total: number;
  readonly next: string | null;
}

export interface Placed {
  readonly pages: readonly ItemPage[];
  /** False where the list reaches beyond what is loaded and its total is a guess. */
  readonly certain: boolean;
}

export function itemsOf(pages: readonly ItemPage[]): readonly Item[] {
  return pages.flatMap((page) => page.items);
}

export function totalOf(pages: readonly ItemPage[]): number {
  return pages[0]?.total ?? 0;
}

/**
 * Put an item where it belongs in a list, or take it out.
 *
 * `item` is how it is now, undefined when it is gone; `before` is how it was when last
 * seen, which tells whether the total counts it although its page is not loaded.
 */
export function place(
  pages: readonly ItemPage[],
  id: string,
  item: Item | undefined,
  query: ItemQuery,
  before?: Item,
): Placed {
  const loaded = pages.some((page) => page.items.some((other) => other.id === id));
  const was = loaded || (before !== undefined && matches(before, query));
  const is = item !== undefined && matches(item, query);
  const whole = (pages.at(-1)?.next ?? null) === null;
  const certain = loaded || whole || before !== undefined;
  if (!loaded && !is && !was) return { pages, certain };

  const change = (is ? 1 : 0) - (was ? 1 : 0);
  const without = pages.map((page) => ({
    ...page,
    items: loaded ? page.items.filter((other) => other.id !== id) : page.items,
    total: page.total + change,
  }));
  if (!is) return { pages: without, certain };
  const compare = comparing(query.sort);
  const last = itemsOf(pages).at(-1);
  // Past everything loaded, with more to come: its own page will bring it.
  const beyond = !whole && (last === undefined || compare(last, item) < 0);
  return { pages: beyond ? without : insert(without, item, compare), certain };
}

function insert(
  pages: readonly ItemPage[],
  item: Item,
  compare: (a: Item, b: Item) => number,
): readonly ItemPage[] {
  const number = pages.findIndex((page) => page.items.some((other) => compare(other, item) > 0));
  const last = pages.length - 1;
  return pages.map((page, index) => {
    if (index !== (number < 0 ? last : number)) return page;
    const at = page.items.findIndex((other) => compare(other, item) > 0);
    const items = [...page.items];
    items.splice(at < 0 ? items.length : at, 0, item);
    return { ...page, items };
  });
}

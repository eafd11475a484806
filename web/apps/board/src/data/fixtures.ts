/** Items for the tests of logic. */

import type { Item } from "../api/types";
import type { ItemPage } from "./pages";
import { type ItemQuery, NO_FILTERS } from "./query";

export function item(id: string, part: Partial<Item> = {}): Item {
  return {
    id,
    title: `Item ${id}`,
    description: "-",
    category: "dashboard",
    priority: "medium",
    status: "new",
    tags: [],
    metadata: {},
    position: id.replace(/\D/g, "") || "1",
    version: 1,
    created_at: "2026-01-01T00:00:00Z",
    updated_at: null,
    created_by: null,
    updated_by: null,
    ...part,
  };
}

export function page(ids: readonly string[], next: string | null = null): ItemPage {
  return { items: ids.map((id) => item(id)), total: ids.length, next };
}

export const NEW: ItemQuery = { ...NO_FILTERS, status: ["new"], sort: "position" };
export const REVIEW: ItemQuery = { ...NO_FILTERS, status: ["review"], sort: "position" };

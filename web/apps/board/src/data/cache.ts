/** What was loaded from the API, in TanStack Query's cache: its keys, and changes to it. */

import type { InfiniteData, Query, QueryClient } from "@tanstack/react-query";
import type { Item } from "../api/types";
import { type ItemPage, place } from "./pages";
import type { ItemQuery } from "./query";

export type BranchKey = string | undefined;

export const keys = {
  columns: (branch: BranchKey) => ["items", branch ?? "", "column"] as const,
  column: (branch: BranchKey, query: ItemQuery) => [...keys.columns(branch), query] as const,
  tables: (branch: BranchKey) => ["items", branch ?? "", "table"] as const,
  table: (branch: BranchKey, query: ItemQuery, page: number) =>
    [...keys.tables(branch), query, page] as const,
  lists: (branch: BranchKey) => ["items", branch ?? ""] as const,
  item: (branch: BranchKey, id: string) => ["item", branch ?? "", id] as const,
  categories: (branch: BranchKey) => ["categories", branch ?? ""] as const,
  branches: ["branches"] as const,
  diff: (name: string, against: string) => ["diff", name, against] as const,
};

export type Column = InfiniteData<ItemPage, string | undefined>;

/** Every item that was loaded of a branch; one may come more than once. */
export function loaded(client: QueryClient, branch: BranchKey): readonly Item[] {
  const columns = client.getQueriesData<Column>({ queryKey: keys.columns(branch) });
  const tables = client.getQueriesData<ItemPage>({ queryKey: keys.tables(branch) });
  const pages = [
    ...columns.flatMap(([, column]) => column?.pages ?? []),
    ...tables.flatMap(([, page]) => page ?? []),
  ];
  return pages.flatMap((page) => page.items);
}

/** Find an item in whatever was loaded: the newest version of it. */
export function find(client: QueryClient, branch: BranchKey, id: string): Item | undefined {
  let newest = client.getQueryData<Item>(keys.item(branch, id));
  for (const item of loaded(client, branch)) {
    if (item.id === id && item.version > (newest?.version ?? 0)) newest = item;
  }
  return newest;
}

/** News of an item. */
export interface News {
  readonly id: string;
  /** How the item is now; `undefined`: it is gone. */
  readonly item: Item | undefined;
  /** How it was when last seen, if it was. */
  readonly before: Item | undefined;
}

/** What is new about an item as it is now (`undefined`: it is gone), unless more is known. */
export function newsOf(
  client: QueryClient,
  branch: BranchKey,
  id: string,
  item: Item | undefined,
): News | undefined {
  const before = find(client, branch, id);
  return item && before && before.version > item.version ? undefined : { id, item, before };
}

/** Bring news into everything loaded. */
export function apply(client: QueryClient, branch: BranchKey, news: News): void {
  const { id, item } = news;
  if (item) client.setQueryData(keys.item(branch, id), item);
  else client.removeQueries({ queryKey: keys.item(branch, id) });

  for (const query of client.getQueryCache().findAll({ queryKey: keys.columns(branch) })) {
    applyToColumn(client, query, news);
  }
  applyToTables(client, branch, news);
}

/** Bring news into one column. */
export function applyToColumn(client: QueryClient, query: Query, news: News): void {
  const column = query.state.data as Column | undefined;
  const wanted = query.queryKey.at(-1) as ItemQuery;
  if (!column) return;
  const { id, item, before } = news;
  const { pages, certain } = place(column.pages, id, item, wanted, before);
  if (pages !== column.pages) client.setQueryData(query.queryKey, { ...column, pages: [...pages] });
  // The API alone knows what its text search finds.
  if (!certain || wanted.q !== "") void client.invalidateQueries({ queryKey: query.queryKey });
}

function applyToTables(client: QueryClient, branch: BranchKey, { id, item }: News): void {
  for (const [key, page] of client.getQueriesData<ItemPage>({ queryKey: keys.tables(branch) })) {
    if (!item || !page?.items.some((other) => other.id === id)) continue;
    const items = page.items.map((other) => (other.id === id ? item : other));
    client.setQueryData<ItemPage>(key, { ...page, items });
  }
  // Rows may have moved between pages, or be more or fewer.
  void client.invalidateQueries({ queryKey: keys.tables(branch) });
}

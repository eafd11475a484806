/** What the page reads: lists and items as the API has them, with waiting edits laid over. */

import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { ApiError } from "../api/http";
import { type Category, type Item, STATUSES, type Status } from "../api/types";
import { useApp, useStore } from "../state/app";
import { sortOf, type View } from "../state/url";
import { type BranchKey, find, keys } from "./cache";
import { outcome, overlay, type Shown } from "./edits";
import { type ItemPage, itemsOf, totalOf } from "./pages";
import { COLUMN_PAGE, type ItemQuery } from "./query";

/** How the items that have edits look with them, on one branch. */
export function useShown(branch: BranchKey): ReadonlyMap<string, Shown> {
  const edits = useStore(useApp().workspace.outbox.edits);
  return useMemo(() => outcome(edits.filter((edit) => edit.branch === branch)), [edits, branch]);
}

export interface ColumnData {
  readonly status: Status;
  readonly items: readonly Item[];
  readonly total: number;
  readonly state: "loading" | "ready" | "failed";
  readonly more: (() => void) | undefined;
  readonly retry: () => void;
}

function useColumn(status: Status, view: View, shown: ReadonlyMap<string, Shown>): ColumnData {
  const { api } = useApp().workspace;
  const { branch, category, priority, tag, q } = view;
  const sort = sortOf(view);
  const query: ItemQuery = useMemo(
    () => ({ category, status: [status], priority, tag, q, sort }),
    [category, status, priority, tag, q, sort],
  );
  const wanted = view.status.length === 0 || view.status.includes(status);
  const result = useInfiniteQuery({
    queryKey: keys.column(branch, query),
    queryFn: ({ pageParam, signal }) =>
      api.items(branch, query, { limit: COLUMN_PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: ItemPage) => page.next ?? undefined,
    enabled: wanted,
    placeholderData: sameBranch(branch),
  });
  const pages = useMemo(
    () => overlay(result.data?.pages ?? [], shown, query),
    [result.data, shown, query],
  );
  const items = useMemo(() => itemsOf(pages), [pages]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = result;
  return {
    status,
    items,
    total: totalOf(pages),
    state: result.data ? "ready" : result.isError ? "failed" : "loading",
    more: hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined,
    retry: () => void refetch(),
  };
}

/** While a filter's answer is on its way the old cards stay; another branch's never do. */
function sameBranch(branch: BranchKey) {
  return <T>(previous: T | undefined, query: { queryKey: readonly unknown[] } | undefined) =>
    query?.queryKey[1] === (branch ?? "") ? previous : undefined;
}

/** The columns in sight, in the order of the work. */
export function useColumns(view: View): readonly ColumnData[] {
  const shown = useShown(view.branch);
  // One call each: hooks take no loops.
  const columns = [
    useColumn("new", view, shown),
    useColumn("review", view, shown),
    useColumn("in-progress", view, shown),
    useColumn("completed", view, shown),
    useColumn("rejected", view, shown),
  ];
  return columns.filter(({ status }) => view.status.length === 0 || view.status.includes(status));
}

export interface ItemData {
  readonly item: Item | undefined;
  readonly state: "loading" | "ready" | "gone" | "failed";
}

export function useItem(branch: BranchKey, id: string): ItemData {
  const { api, client } = useApp().workspace;
  const shown = useShown(branch).get(id);
  const result = useQuery({
    queryKey: keys.item(branch, id),
    queryFn: ({ signal }) => api.item(branch, id, signal),
    enabled: !id.startsWith("new-"),
    // Whoever saw the card has the item: nothing to wait for, with or without the API.
    initialData: () => find(client, branch, id),
  });
  if (shown) return { item: shown.after, state: shown.after ? "ready" : "gone" };
  if (result.data) return { item: result.data, state: "ready" };
  if (!result.isError) return { item: undefined, state: "loading" };
  const gone = result.error instanceof ApiError && [400, 404].includes(result.error.status);
  return { item: undefined, state: gone ? "gone" : "failed" };
}

export interface CategoriesData {
  readonly all: readonly Category[];
  readonly byName: ReadonlyMap<string, Category>;
  readonly ready: boolean;
}

export function useCategories(branch: BranchKey): CategoriesData {
  const { api } = useApp().workspace;
  const { data } = useQuery({
    queryKey: keys.categories(branch),
    queryFn: () => api.categories(branch),
    placeholderData: keepPreviousData,
  });
  return useMemo(() => {
    const all = data ?? [];
    return {
      all,
      byName: new Map(all.map((category) => [category.name, category])),
      ready: data !== undefined,
    };
  }, [data]);
}

export function useBranches() {
  const { api } = useApp().workspace;
  return useQuery({ queryKey: keys.branches, queryFn: () => api.branches() });
}

/** The status beside one, as the arrow keys go; the same at either end. */
export function besides(columns: readonly ColumnData[], status: Status, step: -1 | 1): Status {
  const order = columns.map((column) => column.status);
  const at = order.indexOf(status) + step;
  return order[at] ?? status;
}

export { STATUSES };

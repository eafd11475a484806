/** Rows of the table: pages of the list, fetched as they come into sight. */

import { keepPreviousData, useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Item } from "../../api/types";
import { keys } from "../../data/cache";
import { useShown } from "../../data/hooks";
import type { ItemPage } from "../../data/pages";
import { TABLE_PAGE } from "../../data/query";
import { useApp } from "../../state/app";
import { sortOf, type View } from "../../state/url";

export interface Rows {
  /** Undefined until the first page is there. */
  readonly total: number | undefined;
  readonly failed: boolean;
  readonly at: (index: number) => Item | undefined;
  /** Say which rows are in sight; while they fly past, nothing is fetched. */
  readonly want: (
    range: { readonly startIndex: number; readonly endIndex: number } | null,
    moving: boolean,
  ) => void;
  readonly retry: () => void;
}

export function useRows(view: View): Rows {
  const { api } = useApp().workspace;
  const { branch, category, status, priority, tag, q } = view;
  const sort = sortOf(view);
  const query = useMemo(
    () => ({ category, status, priority, tag, q, sort }),
    [category, status, priority, tag, q, sort],
  );
  const [wanted, setWanted] = useState<readonly number[]>([0]);
  const shown = useShown(branch);

  const results = useQueries({
    queries: wanted.map((page) => ({
      queryKey: keys.table(branch, query, page),
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.items(branch, query, { limit: TABLE_PAGE, offset: page * TABLE_PAGE }, signal),
      placeholderData: page === 0 ? keepPreviousData<ItemPage> : undefined,
    })),
  });

  const pages = new Map(wanted.map((page, index) => [page, results[index]?.data]));
  const told = results.map((result) => result.data?.total).find((count) => count !== undefined);
  // While none of the wanted pages is there, the last count holds: the rows stay where they are.
  const [total, setTotal] = useState(told);
  if (told !== undefined && told !== total) setTotal(told);
  return {
    total,
    failed: total === undefined && results.some((result) => result.isError),
    at: (index) => {
      const item = pages.get(Math.floor(index / TABLE_PAGE))?.items[index % TABLE_PAGE];
      const edited = item && shown.get(item.id);
      return edited ? (edited.after ?? item) : item;
    },
    want: (range, moving) => {
      if (moving || !range) return;
      const next = pagesOf(range.startIndex, range.endIndex);
      setWanted((now) => (now.join() === next.join() ? now : next));
    },
    retry: () => {
      for (const result of results) void result.refetch();
    },
  };
}

/** The pages that hold a range of rows. */
export function pagesOf(first: number, last: number): readonly number[] {
  const [from, to] = [Math.floor(first / TABLE_PAGE), Math.floor(last / TABLE_PAGE)];
  return Array.from({ length: to - from + 1 }, (_hole, index) => from + index);
}

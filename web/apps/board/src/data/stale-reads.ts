/**
 * Keeps what is shown from going back in time.
 *
 * A list that the API read before a change and answered after it does not know the change,
 * and would undo it on the page: a new card would go, a deleted one come back, and the
 * change stream has told of it already. So what changed while a list was on its way is
 * laid over the answer.
 */

import type { Query, QueryCacheNotifyEvent, QueryClient } from "@tanstack/react-query";
import type { Item } from "../api/types";
import { applyToColumn, type BranchKey, type Column, type News } from "./cache";
import { type ItemPage, itemsOf } from "./pages";
import { type ItemQuery, matches } from "./query";

export class StaleReads {
  private readonly client: QueryClient;
  /** The news since each read under way began, by the query's hash. */
  private readonly underWay = new Map<string, News[]>();

  constructor(client: QueryClient) {
    this.client = client;
    client.getQueryCache().subscribe((event) => this.heard(event));
  }

  /** Take note of news, before they are brought into what is loaded. */
  note(branch: BranchKey, news: News): void {
    for (const { queryHash, queryKey } of this.client.getQueryCache().getAll()) {
      const [kind, of, id] = queryKey;
      const listed = kind === "items" || (kind === "item" && id === news.id);
      if (listed && of === (branch ?? "")) this.underWay.get(queryHash)?.push(news);
    }
  }

  private heard(event: QueryCacheNotifyEvent): void {
    const { query, type } = event;
    if (type === "removed") {
      this.underWay.delete(query.queryHash);
    } else if (type === "updated" && event.action.type === "fetch") {
      this.underWay.set(query.queryHash, []);
    } else if (type === "updated" && query.state.fetchStatus === "idle") {
      const missed = this.underWay.get(query.queryHash) ?? [];
      this.underWay.delete(query.queryHash);
      if (query.state.data !== undefined) for (const one of missed) this.renew(query, one);
    }
  }

  private renew(query: Query, missed: News): void {
    const [kind, , list] = query.queryKey;
    if (kind === "item") {
      if (!knows(query.state.data as Item, missed)) {
        this.client.setQueryData(query.queryKey, missed.item);
      }
    } else if (list === "column") {
      this.renewColumn(query, missed);
    } else if (!(query.state.data as ItemPage).items.some((item) => knows(item, missed))) {
      void this.client.invalidateQueries({ queryKey: query.queryKey, exact: true });
    }
  }

  private renewColumn(query: Query, missed: News): void {
    const { id, item, before } = missed;
    const wanted = query.queryKey.at(-1) as ItemQuery;
    const listed = itemsOf((query.state.data as Column).pages).find((one) => one.id === id);
    const concerned = listed ?? [item, before].find((one) => one && matches(one, wanted));
    if (!concerned || (listed && knows(listed, missed))) return;
    // Whether the answer counts an item that it does not show, nobody here can tell.
    applyToColumn(this.client, query, { ...missed, before: undefined });
  }
}

/** Whether an item was read after the news of it. */
function knows(read: Item, { id, item }: News): boolean {
  return read.id === id && item !== undefined && read.version >= item.version;
}

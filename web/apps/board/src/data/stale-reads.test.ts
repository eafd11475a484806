import { InfiniteQueryObserver, QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Item } from "../api/types";
import { apply, type Column, keys, newsOf } from "./cache";
import { item, NEW, page } from "./fixtures";
import { type ItemPage, itemsOf, totalOf } from "./pages";
import { StaleReads } from "./stale-reads";

const KEY = keys.column(undefined, NEW);

let client: QueryClient;
let staleReads: StaleReads;
/** Answers that are on their way: calling one lets it arrive. */
let arrive: ((answer: ItemPage) => void)[];
let stop: () => void;

function observeColumn() {
  const observer = new InfiniteQueryObserver(client, {
    queryKey: KEY,
    queryFn: () => new Promise<ItemPage>((resolve) => arrive.push(resolve)),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  stop = observer.subscribe(() => {});
  return observer;
}

function change(id: string, now: Item | undefined, branch?: string) {
  const news = newsOf(client, branch, id, now);
  if (!news) return;
  staleReads.note(branch, news);
  apply(client, branch, news);
}

async function answer(with_: ItemPage) {
  arrive.shift()?.(with_);
  await new Promise((resolve) => setTimeout(resolve));
}

const pages = () => client.getQueryData<Column>(KEY)?.pages ?? [];
const shown = () => itemsOf(pages()).map(({ id, title }) => `${id} ${title}`);

beforeEach(() => {
  client = new QueryClient();
  staleReads = new StaleReads(client);
  arrive = [];
});
afterEach(() => {
  stop();
  client.clear();
});

describe("a list that was read before a change and comes after it", () => {
  /** A list of 1 and 2 that is there and is being loaded again. */
  async function reloading(next: string | null = null) {
    const observer = observeColumn();
    await answer(page(["1", "2"], next));
    void client.invalidateQueries({ queryKey: KEY });
    return observer;
  }

  it("takes no new card away", async () => {
    await reloading();
    change("3", item("3"));
    await answer(page(["1", "2"]));
    expect(shown()).toEqual(["1 Item 1", "2 Item 2", "3 Item 3"]);
    expect(totalOf(pages())).toBe(3);
    expect(arrive).toEqual([]);
  });

  it("brings no deleted card back", async () => {
    await reloading();
    change("1", undefined);
    await answer(page(["1", "2"]));
    expect(shown()).toEqual(["2 Item 2"]);
    expect(totalOf(pages())).toBe(1);
  });

  it("undoes no change, and no move to another column", async () => {
    await reloading();
    change("1", item("1", { title: "mine", version: 2 }));
    change("2", item("2", { status: "review", version: 2 }));
    await answer(page(["1", "2"]));
    expect(shown()).toEqual(["1 mine"]);
  });

  it("counts a change once that it does know", async () => {
    await reloading();
    change("3", item("3"));
    await answer({ ...page(["1", "2"]), items: [item("1"), item("3", { version: 2 })], total: 2 });
    expect(shown()).toEqual(["1 Item 1", "3 Item 3"]);
    expect(totalOf(pages())).toBe(2);
  });

  it("is asked for again where nobody can tell what it counts", async () => {
    await reloading("more");
    change("2", undefined);
    await answer({ ...page(["1"], "more"), total: 8 });
    expect(arrive).toHaveLength(1);
    change("1", item("1", { title: "mine", version: 2 }));
    await answer({ ...page(["1"], "more"), total: 8 });
    expect(arrive).toEqual([]);
    expect([shown(), totalOf(pages())]).toEqual([["1 mine"], 8]);
  });

  it("knows what changed while it was loaded for the first time", async () => {
    observeColumn();
    change("3", item("3"));
    await answer(page(["1"]));
    expect(shown()).toEqual(["1 Item 1", "3 Item 3"]);
  });

  it("keeps what changed while its next page was loaded", async () => {
    const observer = observeColumn();
    await answer({ ...page(["1"], "2"), total: 2 });
    void observer.fetchNextPage();
    change("1", item("1", { title: "mine", version: 2 }));
    await answer({ ...page(["2"]), total: 2 });
    expect(shown()).toEqual(["1 mine", "2 Item 2"]);
  });

  it("is not concerned by what changed on another branch, or before it was asked for", async () => {
    await reloading();
    await answer(page(["1", "2"]));
    change("2", undefined);
    void client.invalidateQueries({ queryKey: KEY });
    change("1", undefined, "other");
    await answer(page(["1", "2"]));
    expect(shown()).toEqual(["1 Item 1", "2 Item 2"]);
  });
});

it("a page of the table that missed a change is loaded again", async () => {
  const key = keys.table(undefined, NEW, 1);
  const observer = new QueryObserver(client, {
    queryKey: key,
    queryFn: () => new Promise<ItemPage>((resolve) => arrive.push(resolve)),
  });
  stop = observer.subscribe(() => {});
  change("3", item("3"));
  await answer(page(["1"]));
  expect(arrive).toHaveLength(1);
  await answer(page(["1", "3"]));
  expect(arrive).toEqual([]);
});

it("an item that was read before it changed does not go back", async () => {
  const key = keys.item(undefined, "1");
  let tell = (_item: Item) => {};
  const observer = new QueryObserver(client, {
    queryKey: key,
    queryFn: () =>
      new Promise<Item>((resolve) => {
        tell = resolve;
      }),
  });
  stop = observer.subscribe(() => {});
  change("1", item("1", { title: "mine", version: 2 }));
  tell(item("1"));
  await new Promise((resolve) => setTimeout(resolve));
  expect(client.getQueryData<Item>(key)?.title).toBe("mine");
});

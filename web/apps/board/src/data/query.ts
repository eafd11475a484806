/** What a list of items holds and in which order: as a value, as parameters, as a predicate. */

import { type Item, PRIORITIES, type Priority, STATUSES, type Status } from "../api/types";
import { comparePositions } from "./position";

export const SORT_KEYS = [
  "position",
  "created_at",
  "updated_at",
  "title",
  "priority",
  "status",
  "category",
] as const;

export type SortKey = (typeof SORT_KEYS)[number];
/** A key, with `-` in front of it for descending. */
export type Sort = SortKey | `-${SortKey}`;

export interface Filters {
  readonly category: readonly string[];
  readonly status: readonly Status[];
  readonly priority: readonly Priority[];
  readonly tag: readonly string[];
  readonly q: string;
}

export interface ItemQuery extends Filters {
  readonly sort: Sort;
}

/** Cards fetched at a time, for one column: more than a screen, less than makes it wait. */
export const COLUMN_PAGE = 20;
/** Rows fetched at a time, for the table. */
export const TABLE_PAGE = 100;

export const NO_FILTERS: Filters = { category: [], status: [], priority: [], tag: [], q: "" };

/** How many filters are set; the search counts as one. */
export function countFilters(filters: Filters): number {
  const { category, status, priority, tag, q } = filters;
  return category.length + status.length + priority.length + tag.length + (q === "" ? 0 : 1);
}

/** The query as parameters of the API. */
export function toParameters(query: ItemQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const name of ["category", "status", "priority", "tag"] as const) {
    for (const value of query[name]) parameters.append(name, value);
  }
  if (query.q !== "") parameters.set("q", query.q);
  parameters.set("sort", query.sort);
  return parameters;
}

/** The same parameters, for a branch other than the API's own. */
export function onBranch(branch: string | undefined, parameters: URLSearchParams): URLSearchParams {
  if (branch !== undefined) parameters.set("branch", branch);
  return parameters;
}

/** Whether an item belongs to a query, as the API would say it. */
export function matches(item: Item, filters: Filters): boolean {
  return (
    anyOf(filters.category, item.category) &&
    anyOf(filters.status, item.status) &&
    anyOf(filters.priority, item.priority) &&
    (filters.tag.length === 0 || filters.tag.some((tag) => item.tags.includes(tag))) &&
    contains(item, filters.q)
  );
}

function anyOf<T>(wanted: readonly T[], value: T): boolean {
  return wanted.length === 0 || wanted.includes(value);
}

function contains(item: Item, text: string): boolean {
  if (text === "") return true;
  const wanted = text.toLocaleLowerCase();
  const texts = [item.title, item.description, ...item.tags];
  return texts.some((candidate) => candidate.toLocaleLowerCase().includes(wanted));
}

const ORDERS: Readonly<Record<SortKey, (a: Item, b: Item) => number>> = {
  position: (a, b) => comparePositions(a.position, b.position),
  created_at: (a, b) => Date.parse(a.created_at) - Date.parse(b.created_at),
  updated_at: (a, b) => Date.parse(a.updated_at ?? "") - Date.parse(b.updated_at ?? "") || 0,
  title: (a, b) => a.title.localeCompare(b.title),
  priority: (a, b) => PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority),
  status: (a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status),
  category: (a, b) => a.category.localeCompare(b.category),
};

/** The order of a sort, as a function to sort by; ids decide a tie, in the same direction. */
export function comparing(sort: Sort): (a: Item, b: Item) => number {
  const descending = sort.startsWith("-");
  const order = ORDERS[(descending ? sort.slice(1) : sort) as SortKey];
  return (a, b) => (descending ? -1 : 1) * (order(a, b) || compareIds(a.id, b.id));
}

function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** The API's types, by the names that the board calls them. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export const STATUSES = [
  "new",
  "review",
  "in-progress",
  "completed",
  "rejected",
] as const satisfies readonly Status[];
export const PRIORITIES = [
  "low",
  "medium",
  "high",
  "critical",
] as const satisfies readonly Priority[];

export type Status = Schemas["Item"]["status"];
export type Priority = Schemas["Item"]["priority"];

export type Item = Readonly<Omit<Schemas["Item"], "tags">> & { readonly tags: readonly string[] };
export type Category = Readonly<Schemas["Category"]>;
export type Branch = Readonly<Schemas["Branch"]>;
export type BranchDiff = Readonly<Schemas["BranchDiff"]>;
export type Me = Readonly<Schemas["Me"]>;
export type Role = Me["role"];
export type FieldError = Readonly<Schemas["ProblemOut"]>;

/** What a person writes of an item. */
export type ItemFields = Pick<
  Item,
  "title" | "description" | "category" | "priority" | "status" | "tags"
>;

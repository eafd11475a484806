/** The form of an item: its values, what changed, and which message belongs to which field. */

import type { FieldError, Item, ItemFields } from "../../api/types";
import type { Changes } from "../../data/edits";
import { same } from "../../data/merge";

export const FIELDS = ["title", "description", "category", "priority", "status", "tags"] as const;
type FieldName = (typeof FIELDS)[number];

export function fieldsOf({
  title,
  description,
  category,
  priority,
  status,
  tags,
}: Item): ItemFields {
  return { title, description, category, priority, status, tags };
}

/** The fields that differ, with their new values. */
export function changesOf(base: ItemFields, now: ItemFields): Changes {
  const changed = FIELDS.filter((field) => !same(base[field], now[field]));
  return Object.fromEntries(changed.map((field) => [field, now[field]]));
}

export interface Messages {
  readonly fields: Readonly<Partial<Record<FieldName, string>>>;
  /** What belongs to no field of the form. */
  readonly form: string | undefined;
}

export const NO_MESSAGES: Messages = { fields: {}, form: undefined };

/** Put the API's messages beside their fields; `tags.3` or `body.tags` is said of `tags`. */
export function messagesOf(message: string, errors: readonly FieldError[]): Messages {
  const fields: Partial<Record<FieldName, string>> = {};
  const rest: string[] = [];
  for (const error of errors) {
    const parts = error.field.split(/[.[\]]/);
    const field = FIELDS.find((name) => parts.includes(name));
    if (!field) rest.push(error.message);
    else fields[field] = fields[field] ? `${fields[field]} ${error.message}` : error.message;
  }
  const form = rest.length > 0 ? rest.join(" ") : errors.length === 0 ? message : undefined;
  return { fields, form };
}

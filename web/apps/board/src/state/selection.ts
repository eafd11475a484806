/** Which cards are selected: pure steps, as a mouse and as a keyboard make them. */

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** Where a range begins. */
  readonly anchor: string | undefined;
}

export const NOTHING: Selection = { ids: new Set(), anchor: undefined };

/** Add a card or take it away. */
export function toggled(selection: Selection, id: string): Selection {
  const ids = new Set(selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, anchor: id };
}

/** Everything from the anchor to a card, in the order of a column; other columns' stay. */
export function extended(selection: Selection, id: string, order: readonly string[]): Selection {
  const to = order.indexOf(id);
  const from = order.indexOf(selection.anchor ?? id);
  if (to < 0 || from < 0) return toggled(selection, id);
  const range = order.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { ids: new Set([...selection.ids, ...range]), anchor: selection.anchor ?? id };
}

/** Leave out what is no longer there; the same object where nothing changes. */
export function kept(selection: Selection, there: (id: string) => boolean): Selection {
  const ids = [...selection.ids].filter(there);
  return ids.length === selection.ids.size ? selection : { ...selection, ids: new Set(ids) };
}

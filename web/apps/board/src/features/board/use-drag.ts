/** Moving cards: which, to where, by pointer, touch or keyboard. */

import {
  type DragMoveEvent,
  type DragStartEvent,
  type KeyboardCoordinateGetter,
  KeyboardSensor,
  MouseSensor,
  TouchSensor,
  useSensor,
  useSensors,
} from "@dnd-kit/core";
import { useRef, useState } from "react";
import type { Item, Status } from "../../api/types";
import { besides, type ColumnData } from "../../data/hooks";
import type { Actions } from "../../state/actions";
import { type Column, changesNothing, staying } from "../../state/places";
import type { Selection } from "../../state/selection";
import { placeOf, type Slot, slotAt } from "./slots";

export interface Drag {
  readonly items: readonly Item[];
  readonly ids: ReadonlySet<string>;
  readonly active: Item;
  readonly slot: Slot;
  readonly byKeyboard: boolean;
}

const STEPS: Readonly<Record<string, readonly [across: -1 | 0 | 1, along: -1 | 0 | 1]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function asPlaces(columns: readonly ColumnData[]): readonly Column[] {
  return columns.map(({ status, items, more }) => ({ status, items, whole: more === undefined }));
}

interface Options {
  readonly columns: readonly ColumnData[];
  readonly selection: Selection;
  readonly actions: Actions;
  /** Whether people give the order; if not, a drop only chooses the column. */
  readonly ordered: boolean;
  /** Called with the card that a keyboard has moved, to keep the focus on it. */
  readonly onDropped: (id: string) => void;
}

export function useDrag({ columns, selection, actions, ordered, onDropped }: Options) {
  const [drag, setDrag] = useState<Drag>();
  // The sensors call between renders: they need what is true now.
  const current = useRef<Drag>(undefined);
  const put = (next: Drag | undefined) => {
    current.current = next;
    setDrag(next);
  };
  const aim = (slot: Slot) => {
    const now = current.current;
    if (!now || (now.slot.status === slot.status && now.slot.index === slot.index)) return;
    put({ ...now, slot });
  };

  const onKey: KeyboardCoordinateGetter = (event) => {
    const step = STEPS[event.code];
    const now = current.current;
    if (!step || !now) return undefined;
    event.preventDefault();
    const slot = stepped(now, step, columns);
    aim(slot);
    return placeOf(slot, now.ids);
  };

  const sensors = useSensors(
    useSensor(MouseSensor, { activationConstraint: { distance: 6 } }),
    useSensor(TouchSensor, { activationConstraint: { delay: 220, tolerance: 8 } }),
    useSensor(KeyboardSensor, {
      coordinateGetter: onKey,
      keyboardCodes: { start: ["Space"], cancel: ["Escape"], end: ["Space", "Enter"] },
      scrollBehavior: "auto",
    }),
  );

  const onDragStart = ({ active, activatorEvent }: DragStartEvent) => {
    const id = String(active.id);
    const column = columns.find(({ items }) => items.some((item) => item.id === id));
    const item = column?.items.find((candidate) => candidate.id === id);
    if (!column || !item) return;
    const items = selection.ids.has(id) ? selectedItems(columns, selection) : [item];
    const ids = new Set(items.map((moved) => moved.id));
    const before = column.items.slice(0, column.items.indexOf(item));
    const index = before.filter((other) => !ids.has(other.id)).length;
    const byKeyboard = activatorEvent instanceof KeyboardEvent;
    put({ items, ids, active: item, slot: { status: column.status, index }, byKeyboard });
  };

  const onDragMove = ({ over, activatorEvent, delta }: DragMoveEvent) => {
    const now = current.current;
    if (!now || now.byKeyboard || !over) return;
    aim(slotAt(over.id as Status, startY(activatorEvent) + delta.y, now.ids));
  };

  const onDragEnd = () => {
    const now = current.current;
    put(undefined);
    if (!now) return;
    drop(now, asPlaces(columns), actions, ordered);
    if (now.byKeyboard) onDropped(now.active.id);
  };

  const onDragCancel = () => {
    const now = current.current;
    put(undefined);
    if (now?.byKeyboard) onDropped(now.active.id);
  };

  /** A drag that ends before it was measured is told to nobody; this says it is over. */
  const onGone = () => {
    if (current.current) onDragCancel();
  };

  return {
    drag,
    sensors,
    onGone,
    onDragStart,
    onDragMove,
    onDragOver: onDragMove,
    onDragEnd,
    onDragCancel,
  };
}

function drop(drag: Drag, columns: readonly Column[], actions: Actions, ordered: boolean): void {
  const { items, slot } = drag;
  const to = columns.find(({ status }) => status === slot.status);
  if (!to) return;
  if (ordered) {
    if (!changesNothing(items, to, slot.index)) void actions.move(items, to, slot.index, columns);
    return;
  }
  const moving = items.filter((item) => item.status !== slot.status);
  if (moving.length > 0) void actions.setStatus(moving, slot.status, columns);
}

function stepped(
  { slot, items }: Drag,
  [across, along]: readonly [-1 | 0 | 1, -1 | 0 | 1],
  columns: readonly ColumnData[],
): Slot {
  const status = across === 0 ? slot.status : besides(columns, slot.status, across);
  const column = asPlaces(columns).find((candidate) => candidate.status === status);
  const most = column ? staying(items, column).length : 0;
  return { status, index: Math.max(0, Math.min(most, slot.index + along)) };
}

/** The selected items, column by column, from the top down. */
export function selectedItems(columns: readonly ColumnData[], { ids }: Selection): readonly Item[] {
  return columns.flatMap((column) => column.items.filter((item) => ids.has(item.id)));
}

function startY(event: Event): number {
  if (event instanceof MouseEvent) return event.clientY;
  return (event as TouchEvent).touches?.[0]?.clientY ?? 0;
}

/** What a person does to items: each an edit, a message, and a way back. */

import { useMemo } from "react";
import type { Item, ItemFields, Status } from "../api/types";
import { type BranchKey, find, loaded } from "../data/cache";
import { type BulkSet, type Changes, type Edit, outcome } from "../data/edits";
import type { Result } from "../data/outbox";
import { comparePositions, positionBetween } from "../data/position";
import { useWords, type Words } from "../i18n";
import { type App, useApp } from "./app";
import { newKey } from "./key";
import { type Column, type Origin, originsOf, slotted } from "./places";

type Undo = () => void;

export class Actions {
  private readonly app: App;
  private readonly words: Words;
  private readonly branch: BranchKey;

  constructor(app: App, words: Words, branch: BranchKey) {
    this.app = app;
    this.words = words;
    this.branch = branch;
  }

  async create(fields: ItemFields): Promise<Result> {
    const key = newKey();
    const base: Item = {
      ...fields,
      id: `new-${key}`,
      metadata: {},
      position: positionBetween(this.lastPlace(fields.status), undefined),
      version: 0,
      created_at: new Date().toISOString(),
      updated_at: null,
      created_by: null,
      updated_by: null,
    };
    const result = await this.send({ kind: "create", key, branch: this.branch, base });
    if (result.kind === "saved") this.say(this.words.t("done.created", { title: fields.title }));
    return result;
  }

  async update(base: Item, changes: Changes): Promise<Result> {
    const edit: Edit = { kind: "update", key: newKey(), branch: this.branch, base, changes };
    const result = await this.send(edit);
    if (result.kind === "saved") {
      const back = Object.fromEntries(
        Object.keys(changes).map((field) => [field, base[field as keyof Changes]]),
      ) as Changes;
      const title = changes.title ?? base.title;
      this.say(this.words.t("done.saved", { title }), () => {
        void this.send({ ...edit, key: newKey(), base: this.now(base), changes: back });
      });
    }
    return result;
  }

  /** Put items in front of a card of a column, or at its end. */
  async move(items: readonly Item[], to: Column, slot: number, columns: readonly Column[]) {
    const origins = originsOf(items, columns);
    const { after, before, positions } = slotted(items, to, slot);
    const atEnd = before === undefined && to.whole;
    const edits =
      atEnd && items.length > 1
        ? [this.bulkEdit(items, { status: to.status }, positions)]
        : items.map((base, index) =>
            this.moveEdit(base, to.status, positions[index] ?? "0", {
              after: index === 0 ? after?.id : items[index - 1]?.id,
              before: index === 0 && !after ? before?.id : undefined,
            }),
          );
    const results = await Promise.all(edits.map((edit) => this.send(edit)));
    if (results.some((result) => result.kind === "saved")) {
      this.say(this.movedText(items, to.status), () => this.moveBack(items, origins));
    }
  }

  /** Put items at the end of a column, wherever they were. */
  async setStatus(items: readonly Item[], status: Status, columns: readonly Column[]) {
    const to = columns.find((column) => column.status === status);
    if (to) await this.move(items, to, to.items.length, columns);
    else await this.bulk(items, { status });
  }

  async bulk(items: readonly Item[], set: BulkSet) {
    const edit = this.bulkEdit(
      items,
      set,
      items.map((item) => item.position),
    );
    const result = await this.send(edit);
    if (result.kind !== "saved") return;
    this.say(this.words.t("done.changed.many", { count: items.length }), () => {
      for (const [back, group] of groupedByOld(items, set)) {
        void this.send(
          this.bulkEdit(
            group.map((item) => this.now(item)),
            back,
            group.map((item) => item.position),
          ),
        );
      }
    });
  }

  async remove(items: readonly Item[]) {
    const results = await Promise.all(
      items.map((base) => this.send({ kind: "delete", key: newKey(), branch: this.branch, base })),
    );
    const gone = items.filter((_item, index) => results[index]?.kind === "saved");
    const [first] = gone;
    if (!first) return;
    const text =
      gone.length === 1
        ? this.words.t("done.deleted", { title: first.title })
        : this.words.t("done.deleted.many", { count: gone.length });
    this.say(text, () => {
      for (const base of gone) {
        void this.send({ kind: "restore", key: newKey(), branch: this.branch, base });
      }
    });
  }

  private moveBack(items: readonly Item[], origins: readonly Origin[]) {
    for (const { id, status, position, after, before } of origins) {
      const item = items.find((candidate) => candidate.id === id);
      if (item) void this.send(this.moveEdit(this.now(item), status, position, { after, before }));
    }
  }

  private movedText(items: readonly Item[], status: Status): string {
    const [first] = items;
    const name = this.words.t(`status.${status}`);
    if (items.length > 1 || !first) {
      return this.words.t("done.moved.many", { count: items.length, status: name });
    }
    return first.status === status
      ? this.words.t("done.ordered", { title: first.title })
      : this.words.t("done.moved", { title: first.title, status: name });
  }

  private moveEdit(
    base: Item,
    status: Status,
    position: string,
    anchors: { readonly after: string | undefined; readonly before: string | undefined },
  ): Edit {
    return { kind: "move", key: newKey(), branch: this.branch, base, status, position, ...anchors };
  }

  private bulkEdit(bases: readonly Item[], set: BulkSet, positions: readonly string[]): Edit {
    const [base] = bases;
    if (!base) throw new Error("a bulk edit of nothing");
    return { kind: "bulk", key: newKey(), branch: this.branch, base, bases, set, positions };
  }

  /** The last place of a column that is known, edits that wait included. */
  private lastPlace(status: Status): string | undefined {
    const { client, outbox } = this.app.workspace;
    const waiting = [...outcome(outbox.edits.get()).values()].flatMap(({ after }) => after ?? []);
    const all = [...loaded(client, this.branch), ...waiting];
    const places = all.filter((item) => item.status === status).map((item) => item.position);
    return places.sort(comparePositions).at(-1);
  }

  /** The item as the API last told it. */
  private now(item: Item): Item {
    return find(this.app.workspace.client, this.branch, item.id) ?? item;
  }

  private async send(edit: Edit): Promise<Result> {
    const result = await this.app.workspace.outbox.add(edit);
    if (result.kind === "queued") this.say(this.words.t("done.queued"));
    if (result.kind === "refused" && edit.kind !== "create" && edit.kind !== "update") {
      const { title } = edit.base;
      const text = this.words.t("done.refused", { title, message: result.message });
      this.app.toasts.show(text, { tone: "error" });
    }
    return result;
  }

  private say(text: string, undo?: Undo): void {
    const action = undo && { label: this.words.t("action.undo"), run: undo };
    this.app.toasts.show(text, { action });
  }
}

/** Items by the values that a bulk change took from them. */
function groupedByOld(
  items: readonly Item[],
  set: BulkSet,
): readonly (readonly [BulkSet, Item[]])[] {
  const groups = new Map<string, readonly [BulkSet, Item[]]>();
  for (const item of items) {
    const old = Object.fromEntries(
      Object.keys(set).map((field) => [field, item[field as keyof BulkSet]]),
    ) as BulkSet;
    const name = JSON.stringify(old);
    const group = groups.get(name) ?? ([old, []] as const);
    group[1].push(item);
    groups.set(name, group);
  }
  return [...groups.values()];
}

export function useActions(branch: BranchKey): Actions {
  const app = useApp();
  const words = useWords();
  return useMemo(() => new Actions(app, words, branch), [app, words, branch]);
}

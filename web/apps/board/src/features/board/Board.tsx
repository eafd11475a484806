import {
  DndContext,
  DragOverlay,
  MeasuringStrategy,
  pointerWithin,
  rectIntersection,
} from "@dnd-kit/core";
import { Button, Empty } from "@stackyard/ui";
import { Plus, Sprout } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { basesOf } from "../../data/edits";
import { type CategoriesData, useColumns } from "../../data/hooks";
import { countFilters } from "../../data/query";
import { useWords } from "../../i18n";
import { useActions } from "../../state/actions";
import { useApp, useMay, useStore } from "../../state/app";
import { kept, NOTHING, type Selection } from "../../state/selection";
import { sortOf, type View } from "../../state/url";
import { CardFace, type CardState } from "./Card";
import { Column } from "./Column";
import { DragVoice } from "./DragVoice";
import { SelectionBar } from "./SelectionBar";
import { useCardHandlers } from "./use-card-handlers";
import { useDrag } from "./use-drag";

interface BoardProps {
  readonly view: View;
  readonly categories: CategoriesData;
}

export function Board({ view, categories }: BoardProps) {
  const { t } = useWords();
  const { dialog } = useApp();
  const columns = useColumns(view);
  const actions = useActions(view.branch);
  const editable = useMay("editor");
  const [selection, setSelection] = useSelection(columns);
  const focusNext = useFocus();
  const ordered = sortOf(view) === "position";
  const drags = useDrag({ columns, selection, actions, ordered, onDropped: focusNext });
  const { drag } = drags;
  const handlers = useCardHandlers({
    columns,
    selection,
    setSelection,
    moving: drag !== undefined,
    editable,
  });
  const stateOf = useCardStates();
  const filtered = countFilters(view) > 0;
  const nothing = columns.every((column) => column.state === "ready" && column.total === 0);

  return (
    <DndContext
      sensors={drags.sensors}
      collisionDetection={(args) => {
        const under = pointerWithin(args);
        return under.length > 0 ? under : rectIntersection(args);
      }}
      measuring={{ droppable: { strategy: MeasuringStrategy.Always } }}
      accessibility={{ announcements: SILENT, screenReaderInstructions: { draggable: "" } }}
      onDragStart={drags.onDragStart}
      onDragMove={drags.onDragMove}
      onDragOver={drags.onDragOver}
      onDragEnd={drags.onDragEnd}
      onDragCancel={drags.onDragCancel}
    >
      <p id="card-instructions" className="ui-hidden">
        {t("card.instructions")}
      </p>
      {nothing && !filtered && (
        <Welcome
          onAdd={editable ? () => dialog.set({ kind: "create", status: "new" }) : undefined}
        />
      )}
      <div className="board" data-dragging={drag !== undefined} data-columns={columns.length}>
        {columns.map((column) => (
          <Column
            key={column.status}
            column={column}
            categories={categories.byName}
            selection={selection}
            stateOf={stateOf}
            moving={drag?.ids}
            slot={ordered || drag?.slot.status !== drag?.active.status ? drag?.slot : undefined}
            filtered={filtered}
            handlers={handlers}
            editable={editable}
            onAdd={(status) => dialog.set({ kind: "create", status })}
          />
        ))}
      </div>
      <SelectionBar
        columns={columns}
        categories={categories}
        selection={selection}
        actions={actions}
        onClear={() => setSelection(NOTHING)}
      />
      <DragVoice drag={drag} columns={columns} onGone={drags.onGone} />
      <DragOverlay dropAnimation={null}>
        {drag && (
          <div className={`card card--lifted ${drag.items.length > 1 ? "card--stack" : ""}`}>
            <div className="card__body">
              <CardFace item={drag.active} category={categories.byName.get(drag.active.category)} />
            </div>
            {drag.items.length > 1 && <span className="card__number">{drag.items.length}</span>}
          </div>
        )}
      </DragOverlay>
    </DndContext>
  );
}

/** DragVoice speaks, of places and not only of columns. */
const SILENT = {
  onDragStart: () => undefined,
  onDragOver: () => undefined,
  onDragEnd: () => undefined,
  onDragCancel: () => undefined,
};

function Welcome({ onAdd }: { readonly onAdd: (() => void) | undefined }) {
  const { t } = useWords();
  return (
    <div className="welcome">
      <Empty icon={<Sprout aria-hidden />} title={t("board.welcome")}>
        {onAdd && (
          <>
            <p>{t("board.welcome.note")}</p>
            <Button look="primary" icon={<Plus aria-hidden />} onClick={onAdd}>
              {t("action.add")}
            </Button>
          </>
        )}
      </Empty>
    </div>
  );
}

/** The selection, without cards that are no longer on the board. */
function useSelection(columns: ReturnType<typeof useColumns>) {
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const there = new Set(columns.flatMap((column) => column.items.map((item) => item.id)));
  const shown = kept(selection, (id) => there.has(id));
  return [shown, setSelection] as const;
}

/** What each card's edits are up to: sent soon, waiting for the network, or in conflict. */
function useCardStates(): (id: string) => CardState {
  const { workspace } = useApp();
  const edits = useStore(workspace.outbox.edits);
  const reachable = useStore(workspace.reachable);
  const states = useMemo(() => {
    const found = new Map<string, CardState>();
    for (const edit of edits) {
      for (const { id } of basesOf(edit)) {
        if (edit.conflict) found.set(id, "conflict");
        else if (!reachable && !found.has(id)) found.set(id, "waiting");
      }
    }
    return found;
  }, [edits, reachable]);
  return useCallback((id: string) => states.get(id) ?? "plain", [states]);
}

/** Gives the focus to a card when it is next rendered: moving it has made it a new element. */
function useFocus(): (id: string) => void {
  const wanted = useRef<string>(undefined);
  const [, render] = useState(0);
  useEffect(() => {
    if (wanted.current === undefined) return;
    const card = document.querySelector(
      `[data-card="${CSS.escape(wanted.current)}"] [role=button]`,
    );
    wanted.current = undefined;
    if (card instanceof HTMLElement) card.focus();
  });
  return useCallback((id: string) => {
    wanted.current = id;
    render((count) => count + 1);
  }, []);
}

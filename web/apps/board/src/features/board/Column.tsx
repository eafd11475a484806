import { useDroppable } from "@dnd-kit/core";
import { Button, Empty, IconButton, Skeleton } from "@stackyard/ui";
import { Inbox, Plus, TriangleAlert } from "lucide-react";
import { Fragment, useDeferredValue, useEffect, useRef, useState } from "react";
import type { Category, Status } from "../../api/types";
import type { ColumnData } from "../../data/hooks";
import { useWords } from "../../i18n";
import type { Selection } from "../../state/selection";
import { Card, type CardHandlers, type CardState } from "./Card";
import type { Slot } from "./slots";

interface ColumnProps {
  readonly column: ColumnData;
  readonly categories: ReadonlyMap<string, Category>;
  readonly selection: Selection;
  readonly stateOf: (id: string) => CardState;
  readonly moving: ReadonlySet<string> | undefined;
  readonly slot: Slot | undefined;
  readonly filtered: boolean;
  readonly handlers: CardHandlers;
  /** Whether whoever looks may change anything. */
  readonly editable: boolean;
  readonly onAdd: (status: Status) => void;
}

export function Column(props: ColumnProps) {
  const { column, slot, onAdd, editable } = props;
  const { t, n } = useWords();
  const { status, total, state } = column;
  const { setNodeRef } = useDroppable({ id: status });
  const name = t(`status.${status}`);
  const over = slot?.status === status;
  return (
    <section
      ref={setNodeRef}
      className={`column ${over ? "column--over" : ""}`}
      aria-labelledby={`column-${status}`}
      data-status={status}
    >
      <header className="column__head">
        <span className={`column__dot column__dot--${status}`} aria-hidden />
        <h2 id={`column-${status}`}>{name}</h2>
        {state === "ready" && (
          <span className="column__count" role="note" aria-label={n("board.count", total)}>
            {total}
          </span>
        )}
        {editable && (
          <IconButton
            size="small"
            label={t("board.add", { status: name })}
            icon={<Plus aria-hidden />}
            onClick={() => onAdd(status)}
          />
        )}
      </header>
      <ColumnBody {...props} />
    </section>
  );
}

function ColumnBody(props: ColumnProps) {
  const { column, filtered, slot } = props;
  const { t } = useWords();
  // When cards come they are rendered in slices: many at once would stop the page.
  const state = useDeferredValue(column.state);
  if (state === "loading") {
    return (
      <div className="column__list" aria-busy="true">
        {["5.2rem", "6.9rem", "5.2rem"].map((height, index) => (
          <Skeleton key={index} height={height} />
        ))}
      </div>
    );
  }
  if (state === "failed") {
    return (
      <Empty icon={<TriangleAlert aria-hidden />} title={t("board.failed")}>
        <Button size="small" onClick={column.retry}>
          {t("app.retry")}
        </Button>
      </Empty>
    );
  }
  const empty = column.items.length === 0 && slot?.status !== column.status;
  return (
    <>
      {empty && (
        <Empty
          icon={<Inbox aria-hidden />}
          title={t(filtered ? "board.emptyFiltered" : "board.empty")}
        />
      )}
      <CardList {...props} />
    </>
  );
}

/** Cards that are rendered at once; the others of a first page when that is done. */
const FIRST_CARDS = 8;

function CardList(props: ColumnProps) {
  const { column, categories, selection, stateOf, moving, slot, handlers, editable } = props;
  const [focused, setFocused] = useState<string>();
  const shown = useDeferredValue(Number.POSITIVE_INFINITY, FIRST_CARDS);
  const { status } = column;
  const items = column.items.slice(0, shown);
  // One stop of the Tab key for each column: the card that had the focus last.
  const stop = items.some((item) => item.id === focused) ? focused : items[0]?.id;
  const aimed = slot?.status === status ? slot.index : undefined;
  let staying = 0;
  return (
    <ul
      className="column__list"
      data-list={status}
      onFocus={(event) => setFocused(cardOf(event.target))}
    >
      {items.map((item) => {
        const moves = moving?.has(item.id) ?? false;
        const line = aimed === staying && !moves;
        if (!moves) staying += 1;
        return (
          <Fragment key={item.id}>
            {line && <DropLine />}
            <Card
              item={item}
              category={categories.get(item.category)}
              state={stateOf(item.id)}
              selected={selection.ids.has(item.id)}
              selecting={selection.ids.size > 0}
              moving={moves}
              tabbable={item.id === stop}
              handlers={handlers}
              editable={editable}
            />
          </Fragment>
        );
      })}
      {aimed === staying && <DropLine />}
      {items.length === column.items.length && column.more && <More onReach={column.more} />}
    </ul>
  );
}

function cardOf(element: Element): string | undefined {
  return element.closest<HTMLElement>("[data-card]")?.dataset.card;
}

function DropLine() {
  return <li className="drop-line" aria-hidden />;
}

/** Loads on when the end of a column comes near; a button for those who do not scroll. */
function More({ onReach }: { readonly onReach: () => void }) {
  const { t } = useWords();
  const element = useRef<HTMLLIElement>(null);
  const reach = useRef(onReach);
  reach.current = onReach;
  useEffect(() => {
    const { current } = element;
    if (!current) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && reach.current(),
      { rootMargin: "600px" },
    );
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return (
    <li ref={element} className="column__more">
      <Button size="small" look="quiet" onClick={onReach}>
        {t("action.loadMore")}
      </Button>
    </li>
  );
}

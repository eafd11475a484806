import "./table.css";
import { Button, Chip, Dot, Empty } from "@stackyard/ui";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, SearchX, TriangleAlert } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Item } from "../../api/types";
import type { CategoriesData } from "../../data/hooks";
import type { Sort, SortKey } from "../../data/query";
import { type MessageKey, useWords } from "../../i18n";
import { sortOf, type View } from "../../state/url";
import { changeView } from "../../state/use-view";
import { PriorityMark } from "../items/PriorityMark";
import { useRows } from "./use-rows";

// Roles instead of a table's own elements: rows are placed one by one, which a table's
// layout does not allow, and only those in sight exist.

/** The height of a row, in pixels; all are equal, so that any of 100,000 is found at once. */
const ROW = 52;

const COLUMNS: readonly (readonly [key: SortKey | "tags", label: MessageKey])[] = [
  ["title", "field.title"],
  ["status", "field.status"],
  ["priority", "field.priority"],
  ["category", "field.category"],
  ["tags", "field.tags"],
  ["created_at", "field.created"],
];

interface TableViewProps {
  readonly view: View;
  readonly categories: CategoriesData;
}

export default function TableView({ view, categories }: TableViewProps) {
  const { t, n } = useWords();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useRows(view);
  const virtual = useVirtualizer({
    count: rows.total ?? 20,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
    onChange: (instance) => rows.want(instance.range, instance.isScrolling),
  });

  const { q, category, status, priority, tag } = view;
  const list = JSON.stringify([q, category, status, priority, tag, sortOf(view)]);
  useEffect(() => {
    if (list) scroller.current?.scrollTo(0, 0);
  }, [list]);

  if (rows.failed) {
    return (
      <Empty icon={<TriangleAlert aria-hidden />} title={t("table.failed")}>
        <Button onClick={rows.retry}>{t("app.retry")}</Button>
      </Empty>
    );
  }
  if (rows.total === 0) {
    return (
      <Empty icon={<SearchX aria-hidden />} title={t("table.empty")}>
        <p>{t("table.empty.note")}</p>
      </Empty>
    );
  }
  return (
    <div className="table">
      <p className="table__count" aria-live="polite">
        {rows.total === undefined ? t("table.loading") : n("table.rows", rows.total)}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
      <div ref={scroller} className="table__scroller" tabIndex={0}>
        <div
          role="table"
          className="table__grid"
          aria-label={t("view.table")}
          aria-rowcount={(rows.total ?? 0) + 1}
          style={{ height: virtual.getTotalSize() + ROW }}
        >
          <HeaderRow view={view} />
          {virtual.getVirtualItems().map(({ index, start }) => (
            <Row
              key={index}
              index={index}
              top={start + ROW}
              item={rows.at(index)}
              categories={categories}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

function HeaderRow({ view }: { readonly view: View }) {
  const { t } = useWords();
  const sort = sortOf(view);
  return (
    <div role="row" className="table__row table__row--head" aria-rowindex={1}>
      {COLUMNS.map(([key, label]) => (
        <HeaderCell key={key} column={key} label={t(label)} sort={sort} />
      ))}
    </div>
  );
}

interface HeaderCellProps {
  readonly column: SortKey | "tags";
  readonly label: string;
  readonly sort: Sort;
}

function HeaderCell({ column, label, sort }: HeaderCellProps) {
  const { t } = useWords();
  const order = sort === column ? "ascending" : sort === `-${column}` ? "descending" : undefined;
  return (
    <div role="columnheader" className={`cell cell--${column}`} aria-sort={order}>
      {column === "tags" ? (
        label
      ) : (
        <button
          type="button"
          title={t("table.sortBy", { field: label })}
          onClick={() => changeView({ sort: nextSort(column, sort) })}
        >
          {label}
          {order === "ascending" && <ArrowUp aria-hidden />}
          {order === "descending" && <ArrowDown aria-hidden />}
        </button>
      )}
    </div>
  );
}

/** Ascending, then descending, then as usual. */
export function nextSort(column: SortKey, sort: Sort): Sort | undefined {
  if (sort === column) return `-${column}`;
  return sort === `-${column}` ? undefined : column;
}

interface RowProps {
  readonly index: number;
  readonly top: number;
  readonly item: Item | undefined;
  readonly categories: CategoriesData;
}

function Row({ index, top, item, categories }: RowProps) {
  return (
    <div
      role="row"
      className="table__row"
      aria-rowindex={index + 2}
      data-row={index}
      style={{ transform: `translateY(${top}px)` }}
    >
      {item ? <Cells item={item} categories={categories} /> : <PendingCells />}
    </div>
  );
}

function PendingCells() {
  return COLUMNS.map(([key]) => (
    <div key={key} role="cell" className={`cell cell--${key}`}>
      <span className="table__pending" />
    </div>
  ));
}

function Cells({ item, categories }: { readonly item: Item; readonly categories: CategoriesData }) {
  const { t, date } = useWords();
  const category = categories.byName.get(item.category);
  const content: Readonly<Record<string, React.ReactNode>> = {
    title: (
      <button type="button" className="cell__open" onClick={() => changeView({ item: item.id })}>
        {item.title}
      </button>
    ),
    status: (
      <>
        <Dot colour={`var(--status-${item.status})`} /> {t(`status.${item.status}`)}
      </>
    ),
    priority: <PriorityMark priority={item.priority} />,
    category: (
      <>
        <Dot colour={category?.color ?? "var(--ink-faint)"} />
        <span>{category?.display_name ?? item.category}</span>
      </>
    ),
    tags: (
      <>
        {item.tags.slice(0, 2).map((tag) => (
          <Chip key={tag}>{tag}</Chip>
        ))}
        {item.tags.length > 2 && <Chip>+{item.tags.length - 2}</Chip>}
      </>
    ),
    created_at: date(item.created_at, "day"),
  };
  return COLUMNS.map(([key]) => (
    <div key={key} role="cell" className={`cell cell--${key}`}>
      {content[key]}
    </div>
  ));
}

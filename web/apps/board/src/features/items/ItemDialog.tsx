import "./items.css";
import { Button, Chip, Dot, Empty, IconButton, Skeleton } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { Pencil, SearchX, Trash2 } from "lucide-react";
import { lazy, type ReactNode, Suspense } from "react";
import type { Item } from "../../api/types";
import { type CategoriesData, useItem } from "../../data/hooks";
import { useWords } from "../../i18n";
import { useApp, useMay } from "../../state/app";
import { PriorityMark } from "./PriorityMark";

const Markdown = lazy(() => import("./Markdown"));

interface ItemDialogProps {
  readonly branch: string | undefined;
  readonly id: string;
  readonly categories: CategoriesData;
  readonly onClose: () => void;
}

/** Everything about one item, to read. */
export default function ItemDialog({ branch, id, categories, onClose }: ItemDialogProps) {
  const { t } = useWords();
  const { dialog } = useApp();
  const { item, state } = useItem(branch, id);
  const editable = useMay("editor");
  if (!item) {
    const title = state === "loading" ? t("table.loading") : t("item.gone");
    return (
      <Dialog title={title} closeLabel={t("action.close")} onClose={onClose}>
        {state === "loading" ? (
          <Skeleton height="12rem" />
        ) : (
          <Empty icon={<SearchX aria-hidden />} title={t("item.gone.note")} />
        )}
      </Dialog>
    );
  }
  return (
    <Dialog
      title={item.title}
      closeLabel={t("action.close")}
      onClose={onClose}
      actions={
        editable && (
          <IconButton
            label={t("action.edit")}
            icon={<Pencil aria-hidden />}
            onClick={() => dialog.set({ kind: "edit", id: item.id })}
          />
        )
      }
      foot={
        editable && (
          <>
            <Button
              look="danger"
              className="ui-push"
              icon={<Trash2 aria-hidden />}
              onClick={() => dialog.set({ kind: "delete", items: [item] })}
            >
              {t("action.delete")}
            </Button>
            <Button
              look="primary"
              icon={<Pencil aria-hidden />}
              onClick={() => dialog.set({ kind: "edit", id: item.id })}
            >
              {t("action.edit")}
            </Button>
          </>
        )
      }
    >
      <ItemFacts item={item} categories={categories} />
      <Suspense fallback={<Skeleton height="6rem" />}>
        <Markdown text={item.description} />
      </Suspense>
      <Metadata of={item} />
    </Dialog>
  );
}

function ItemFacts({
  item,
  categories,
}: {
  readonly item: Item;
  readonly categories: CategoriesData;
}) {
  const { t, date } = useWords();
  const category = categories.byName.get(item.category);
  const moment = (when: string, who: string | null) =>
    who ? t("item.by", { when: date(when), who }) : date(when);
  return (
    <dl className="facts">
      <Fact name={t("field.status")}>
        <Dot colour={`var(--status-${item.status})`} />
        {t(`status.${item.status}`)}
      </Fact>
      <Fact name={t("field.priority")}>
        <PriorityMark priority={item.priority} />
      </Fact>
      <Fact name={t("field.category")}>
        <Dot colour={category?.color ?? "var(--ink-faint)"} />
        {category?.display_name ?? item.category}
      </Fact>
      {item.tags.length > 0 && (
        <Fact name={t("field.tags")}>
          {item.tags.map((tag) => (
            <Chip key={tag}>{tag}</Chip>
          ))}
        </Fact>
      )}
      <Fact name={t("field.created")}>{moment(item.created_at, item.created_by)}</Fact>
      {item.updated_at && (
        <Fact name={t("field.updated")}>{moment(item.updated_at, item.updated_by)}</Fact>
      )}
    </dl>
  );
}

/** What programs have written down about the item. */
function Metadata({ of: { metadata } }: { readonly of: Item }) {
  const { t } = useWords();
  const entries = Object.entries(metadata);
  if (entries.length === 0) return null;
  return (
    <section className="metadata" aria-label={t("field.metadata")}>
      <h3>{t("field.metadata")}</h3>
      <dl>
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

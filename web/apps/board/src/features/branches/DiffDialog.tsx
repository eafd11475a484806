import "../items/items.css";
import { Dot, Empty, Skeleton } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { useQuery } from "@tanstack/react-query";
import { Equal, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import type { BranchDiff, Item } from "../../api/types";
import { keys } from "../../data/cache";
import { type CategoriesData, useCategories } from "../../data/hooks";
import { same } from "../../data/merge";
import { useWords } from "../../i18n";
import { useApp } from "../../state/app";
import { valueText } from "../items/ConflictDialog";
import { FIELDS } from "../items/item-form";

interface DiffDialogProps {
  readonly name: string;
  readonly against: string;
  readonly onClose: () => void;
}

/** How the items of one branch differ from another's. */
export default function DiffDialog({ name, against, onClose }: DiffDialogProps) {
  const { t } = useWords();
  const { api } = useApp().workspace;
  const categories = useCategories(name);
  const { data, error } = useQuery({
    queryKey: keys.diff(name, against),
    queryFn: () => api.diff(name, against),
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <Dialog
      title={t("diff.title", { name, against })}
      size="wide"
      closeLabel={t("action.close")}
      onClose={onClose}
    >
      {!data && !error && <Skeleton height="10rem" />}
      {error && <Empty icon={<TriangleAlert aria-hidden />} title={error.message} />}
      {data && <Differences diff={data} categories={categories} />}
    </Dialog>
  );
}

interface DifferencesProps {
  readonly diff: BranchDiff;
  readonly categories: CategoriesData;
}

function Differences({ diff, categories }: DifferencesProps) {
  const { t } = useWords();
  const { added, removed, changed } = diff;
  if (added.length + removed.length + changed.length === 0) {
    return (
      <Empty icon={<Equal aria-hidden />} title={t("diff.none")}>
        <p>{t("diff.none.note")}</p>
      </Empty>
    );
  }
  return (
    <>
      <Group kind="added" title={t("diff.added")} count={added.length}>
        {added.map((item) => (
          <li key={item.id}>
            <Summary item={item} />
          </li>
        ))}
      </Group>
      <Group kind="removed" title={t("diff.removed")} count={removed.length}>
        {removed.map((item) => (
          <li key={item.id}>
            <Summary item={item} />
          </li>
        ))}
      </Group>
      <Group kind="changed" title={t("diff.changed")} count={changed.length}>
        {changed.map(({ id, here, there }) => (
          <li key={id}>
            <strong>{here.title}</strong>
            <Fields before={there} after={here} categories={categories} />
          </li>
        ))}
      </Group>
      {diff.truncated && <p>{t("diff.truncated")}</p>}
    </>
  );
}

interface GroupProps {
  readonly kind: "added" | "removed" | "changed";
  readonly title: string;
  readonly count: number;
  readonly children: ReactNode;
}

function Group({ kind, title, count, children }: GroupProps) {
  if (count === 0) return null;
  return (
    <section className={`diff diff--${kind}`} data-diff={kind}>
      <h3>
        {title} <span className="column__count">{count}</span>
      </h3>
      <ul>{children}</ul>
    </section>
  );
}

function Summary({ item }: { readonly item: Item }) {
  const { t } = useWords();
  return (
    <>
      <strong>{item.title}</strong> <Dot colour={`var(--status-${item.status})`} />{" "}
      {t(`status.${item.status}`)}
    </>
  );
}

interface FieldsProps {
  readonly before: Item;
  readonly after: Item;
  readonly categories: CategoriesData;
}

function Fields({ before, after, categories }: FieldsProps) {
  const words = useWords();
  const fields = FIELDS.filter((field) => !same(before[field], after[field]));
  return (
    <dl>
      {fields.map((field) => (
        <div key={field}>
          <dt>{words.t(`field.${field}`)}</dt>
          <dd>
            <del>{valueText(before, field, categories, words)}</del> →{" "}
            <ins>{valueText(after, field, categories, words)}</ins>
          </dd>
        </div>
      ))}
    </dl>
  );
}

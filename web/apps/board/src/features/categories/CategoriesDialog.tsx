import "./categories.css";
import { Button, Dot, Empty, IconButton, Switch } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { ChevronDown, ChevronUp, Pencil, Plus, Shapes, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Category } from "../../api/types";
import type { CategoriesData } from "../../data/hooks";
import { useWords } from "../../i18n";
import { useMay } from "../../state/app";
import { ConfirmDialog } from "../shell/ConfirmDialog";
import { CategoryForm } from "./CategoryForm";
import { useCategoryActions } from "./use-category-actions";

interface CategoriesDialogProps {
  readonly branch: string | undefined;
  readonly categories: CategoriesData;
  readonly onClose: () => void;
}

export default function CategoriesDialog({ branch, categories, onClose }: CategoriesDialogProps) {
  const { t } = useWords();
  const actions = useCategoryActions(branch);
  const editable = useMay("editor");
  const [form, setForm] = useState<Category | "new">();
  const [doomed, setDoomed] = useState<Category>();
  const names = categories.all.map(({ name }) => name);

  const move = (index: number, step: -1 | 1) => {
    const order = [...names];
    const [moved] = order.splice(index, 1);
    if (moved !== undefined) order.splice(index + step, 0, moved);
    void actions.reorder(order);
  };

  if (form) {
    return (
      <CategoryForm
        category={form === "new" ? undefined : form}
        actions={actions}
        onClose={() => setForm(undefined)}
      />
    );
  }
  return (
    <>
      <Dialog
        title={t("categories.title")}
        note={editable ? t("categories.note") : undefined}
        closeLabel={t("action.close")}
        onClose={onClose}
        foot={
          editable && (
            <Button look="primary" icon={<Plus aria-hidden />} onClick={() => setForm("new")}>
              {t("categories.add")}
            </Button>
          )
        }
      >
        {categories.ready && names.length === 0 && (
          <Empty icon={<Shapes aria-hidden />} title={t("categories.empty")} />
        )}
        <ul className="categories">
          {categories.all.map((category, index) => (
            <CategoryRow
              key={category.name}
              category={category}
              first={index === 0}
              last={index === names.length - 1}
              editable={editable}
              onMove={(step) => move(index, step)}
              onToggle={(is_active) => void actions.change(category.name, { is_active })}
              onEdit={() => setForm(category)}
              onDelete={() => setDoomed(category)}
            />
          ))}
        </ul>
      </Dialog>
      {doomed && (
        <ConfirmDialog
          title={t("categories.delete.confirm", { name: doomed.display_name })}
          note={t("categories.delete.note")}
          action={t("action.delete")}
          onClose={() => setDoomed(undefined)}
          onConfirm={async () => {
            await actions.remove(doomed);
            setDoomed(undefined);
          }}
        />
      )}
    </>
  );
}

interface CategoryRowProps {
  readonly category: Category;
  readonly first: boolean;
  readonly last: boolean;
  readonly editable: boolean;
  readonly onMove: (step: -1 | 1) => void;
  readonly onToggle: (active: boolean) => void;
  readonly onEdit: () => void;
  readonly onDelete: () => void;
}

function CategoryRow(props: CategoryRowProps) {
  const { category, first, last, editable, onMove, onToggle, onEdit, onDelete } = props;
  const { t, n } = useWords();
  const name = category.display_name;
  return (
    <li className="category" data-category={category.name} data-active={category.is_active}>
      {editable && (
        <div className="category__order">
          <IconButton
            size="small"
            label={t("categories.up", { name })}
            icon={<ChevronUp aria-hidden />}
            disabled={first}
            onClick={() => onMove(-1)}
          />
          <IconButton
            size="small"
            label={t("categories.down", { name })}
            icon={<ChevronDown aria-hidden />}
            disabled={last}
            onClick={() => onMove(1)}
          />
        </div>
      )}
      <Dot colour={category.color} />
      <div className="category__names">
        <strong>{name}</strong>
        <span>
          {category.name} · {n("categories.items", category.item_count)}
          {!category.is_active && ` · ${t("categories.inactive")}`}
        </span>
      </div>
      {editable && (
        <>
          <Switch
            label={t("categories.active", { name })}
            checked={category.is_active}
            onChange={onToggle}
          />
          <IconButton
            size="small"
            label={t("categories.edit", { name })}
            icon={<Pencil aria-hidden />}
            onClick={onEdit}
          />
          <IconButton
            size="small"
            label={t("categories.delete", { name })}
            icon={<Trash2 aria-hidden />}
            onClick={onDelete}
          />
        </>
      )}
    </li>
  );
}

import "./items.css";
import { Empty, Skeleton } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { SearchX } from "lucide-react";
import { useState } from "react";
import type { Item, ItemFields, Status } from "../../api/types";
import { type CategoriesData, useItem } from "../../data/hooks";
import type { Result } from "../../data/outbox";
import { useWords } from "../../i18n";
import { useActions } from "../../state/actions";
import { ItemForm } from "./ItemForm";
import { changesOf, fieldsOf } from "./item-form";

interface ItemFormDialogProps {
  readonly branch: string | undefined;
  readonly categories: CategoriesData;
  /** The item to edit; a new one without. */
  readonly id?: string;
  readonly status?: Status;
  readonly onClose: () => void;
}

export default function ItemFormDialog(props: ItemFormDialogProps) {
  const { id } = props;
  return id === undefined ? <NewItem {...props} /> : <ExistingItem {...props} id={id} />;
}

function NewItem({ branch, categories, status = "new", onClose }: ItemFormDialogProps) {
  const { t } = useWords();
  const actions = useActions(branch);
  const category = categories.all.find(({ is_active }) => is_active)?.name ?? "";
  const empty: ItemFields = {
    title: "",
    description: "",
    category,
    priority: "medium",
    status,
    tags: [],
  };
  return (
    <ItemForm
      title={t("item.new")}
      action={t("action.create")}
      initial={empty}
      categories={categories}
      onClose={onClose}
      onSubmit={(fields) => actions.create(fields)}
    />
  );
}

function ExistingItem(props: ItemFormDialogProps & { readonly id: string }) {
  const { branch, categories, id, onClose } = props;
  const { t } = useWords();
  const { item, state } = useItem(branch, id);
  const [base, setBase] = useState<Item>();
  const actions = useActions(branch);
  if (item && !base) setBase(item);
  if (!base) {
    const gone = state !== "loading";
    return (
      <Dialog title={t("item.edit")} closeLabel={t("action.close")} onClose={onClose}>
        {gone ? (
          <Empty icon={<SearchX aria-hidden />} title={t("item.gone")} />
        ) : (
          <Skeleton height="18rem" />
        )}
      </Dialog>
    );
  }
  const submit = async (fields: ItemFields): Promise<Result> => {
    const changes = changesOf(base, fields);
    if (Object.keys(changes).length === 0) return { kind: "saved", items: [] };
    return actions.update(base, changes);
  };
  return (
    <ItemForm
      title={t("item.edit")}
      action={t("action.save")}
      initial={fieldsOf(base)}
      categories={categories}
      onClose={onClose}
      onSubmit={submit}
    />
  );
}

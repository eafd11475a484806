import type { Item } from "../../api/types";
import { useWords } from "../../i18n";
import { useActions } from "../../state/actions";
import { changeView } from "../../state/use-view";
import { ConfirmDialog } from "../shell/ConfirmDialog";

interface DeleteDialogProps {
  readonly branch: string | undefined;
  readonly items: readonly Item[];
  readonly onClose: () => void;
}

export default function DeleteDialog({ branch, items, onClose }: DeleteDialogProps) {
  const { t } = useWords();
  const actions = useActions(branch);
  const [first] = items;
  const title =
    items.length === 1 && first
      ? t("item.deleted.confirm", { title: first.title })
      : t("item.deleted.many", { count: items.length });
  return (
    <ConfirmDialog
      title={title}
      note={t("item.deleted.note")}
      action={t("action.delete")}
      onClose={onClose}
      onConfirm={() => {
        void actions.remove(items);
        changeView({ item: undefined });
        onClose();
      }}
    />
  );
}

import "./items.css";
import { Button } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import type { Item } from "../../api/types";
import { type Edit, outcome } from "../../data/edits";
import type { CategoriesData } from "../../data/hooks";
import { same } from "../../data/merge";
import { useWords, type Words } from "../../i18n";
import { useApp, useStore } from "../../state/app";
import { FIELDS } from "./item-form";

interface ConflictDialogProps {
  readonly branch: string | undefined;
  readonly categories: CategoriesData;
  readonly onClose: () => void;
}

/** Two versions of an item side by side, one conflict after the other. */
export default function ConflictDialog({ branch, categories, onClose }: ConflictDialogProps) {
  const words = useWords();
  const { t } = words;
  const { workspace } = useApp();
  const edits = useStore(workspace.outbox.edits);
  const conflicts = edits.filter((edit) => edit.branch === branch && edit.conflict);
  const [edit] = conflicts;
  const theirs = edit?.conflict;
  if (!edit || !theirs) return null;

  const settle = (keep: "ours" | "theirs") => {
    workspace.settle(edit, theirs, keep);
    if (conflicts.length === 1) onClose();
  };

  const ours = outcome([{ ...edit, base: edit.base }]).get(edit.base.id)?.after;
  return (
    <Dialog
      title={t("conflict.title", { title: edit.base.title })}
      note={t("conflict.note")}
      size="wide"
      closeLabel={t("action.close")}
      onClose={onClose}
      foot={
        <>
          <Button onClick={() => settle("theirs")}>{t("conflict.keepTheirs")}</Button>
          <Button look="primary" onClick={() => settle("ours")}>
            {t("conflict.keepOurs")}
          </Button>
        </>
      }
    >
      {ours === undefined && <p>{t("conflict.deleted")}</p>}
      <table className="versions">
        <thead>
          <tr>
            <th scope="col">{t("conflict.field")}</th>
            <th scope="col">{t("conflict.ours")}</th>
            <th scope="col">{t("conflict.theirs")}</th>
          </tr>
        </thead>
        <tbody>
          {differences(edit, ours, theirs).map((field) => (
            <tr key={field}>
              <th scope="row">{t(`field.${field}`)}</th>
              <td>{ours && valueText(ours, field, categories, words)}</td>
              <td>{valueText(theirs, field, categories, words)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}

type Field = (typeof FIELDS)[number];

/** The fields in which the versions differ; of a deleted one, what has changed in theirs. */
function differences(edit: Edit, ours: Item | undefined, theirs: Item): readonly Field[] {
  const other = ours ?? edit.base;
  return FIELDS.filter((field) => !same(other[field], theirs[field]));
}

export function valueText(
  item: Item,
  field: Field,
  categories: CategoriesData,
  { t }: Words,
): string {
  switch (field) {
    case "tags":
      return item.tags.join(", ");
    case "status":
      return t(`status.${item.status}`);
    case "priority":
      return t(`priority.${item.priority}`);
    case "category":
      return categories.byName.get(item.category)?.display_name ?? item.category;
    default:
      return item[field];
  }
}

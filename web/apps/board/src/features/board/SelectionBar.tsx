import { Button, IconButton, Menu, MenuItem } from "@stackyard/ui";
import { ArrowRightLeft, SignalHigh, Tag, Trash2, X } from "lucide-react";
import { PRIORITIES, STATUSES } from "../../api/types";
import type { CategoriesData, ColumnData } from "../../data/hooks";
import { useWords } from "../../i18n";
import type { Actions } from "../../state/actions";
import { useApp } from "../../state/app";
import type { Selection } from "../../state/selection";
import { asPlaces, selectedItems } from "./use-drag";

interface SelectionBarProps {
  readonly columns: readonly ColumnData[];
  readonly categories: CategoriesData;
  readonly selection: Selection;
  readonly actions: Actions;
  readonly onClear: () => void;
}

/** What can be done to the selected cards at once. */
export function SelectionBar(props: SelectionBarProps) {
  const { columns, categories, selection, actions, onClear } = props;
  const { t, n } = useWords();
  const { dialog } = useApp();
  if (selection.ids.size === 0) return null;
  const items = selectedItems(columns, selection);
  return (
    <div className="selection" role="toolbar" aria-label={t("select.toolbar")}>
      <strong aria-live="polite">{n("select.count", items.length)}</strong>
      <Menu
        trigger={
          <Button look="quiet" icon={<ArrowRightLeft aria-hidden />}>
            {t("select.move")}
          </Button>
        }
      >
        {STATUSES.map((status) => (
          <MenuItem
            key={status}
            onSelect={() => void actions.setStatus(items, status, asPlaces(columns))}
          >
            {t(`status.${status}`)}
          </MenuItem>
        ))}
      </Menu>
      <Menu
        trigger={
          <Button look="quiet" icon={<SignalHigh aria-hidden />}>
            {t("select.priority")}
          </Button>
        }
      >
        {PRIORITIES.map((priority) => (
          <MenuItem key={priority} onSelect={() => void actions.bulk(items, { priority })}>
            {t(`priority.${priority}`)}
          </MenuItem>
        ))}
      </Menu>
      <Menu
        trigger={
          <Button look="quiet" icon={<Tag aria-hidden />}>
            {t("select.category")}
          </Button>
        }
      >
        {categories.all
          .filter((category) => category.is_active)
          .map(({ name, display_name }) => (
            <MenuItem key={name} onSelect={() => void actions.bulk(items, { category: name })}>
              {display_name}
            </MenuItem>
          ))}
      </Menu>
      <Button
        look="quiet"
        icon={<Trash2 aria-hidden />}
        onClick={() => dialog.set({ kind: "delete", items })}
      >
        {t("action.delete")}
      </Button>
      <IconButton label={t("select.clear")} icon={<X aria-hidden />} onClick={onClear} />
    </div>
  );
}

import { Button, Dot, Menu, MenuCheck, MenuChoice, Popover, TagInput } from "@stackyard/ui";
import { ArrowDownWideNarrow, ChevronDown, FilterX } from "lucide-react";
import type { ReactNode } from "react";
import { PRIORITIES, STATUSES } from "../../api/types";
import type { CategoriesData } from "../../data/hooks";
import { countFilters, NO_FILTERS, type Sort } from "../../data/query";
import { useWords } from "../../i18n";
import { sortOf, type View } from "../../state/url";
import { changeView } from "../../state/use-view";
import { SavedViews } from "./SavedViews";

interface FilterBarProps {
  readonly view: View;
  readonly categories: CategoriesData;
}

export function FilterBar({ view, categories }: FilterBarProps) {
  const { t } = useWords();
  return (
    <div className="filters" role="toolbar" aria-label={t("filter.label")}>
      <Choice
        label={t("field.category")}
        chosen={view.category}
        onChange={(category) => changeView({ category })}
        options={categories.all.map(({ name, display_name, color }) => ({
          value: name,
          label: display_name,
          mark: <Dot colour={color} />,
        }))}
      />
      <Choice
        label={t("field.priority")}
        chosen={view.priority}
        onChange={(priority) => changeView({ priority })}
        options={PRIORITIES.map((value) => ({ value, label: t(`priority.${value}`) }))}
      />
      <Choice
        label={t("field.status")}
        chosen={view.status}
        onChange={(status) => changeView({ status })}
        options={STATUSES.map((value) => ({
          value,
          label: t(`status.${value}`),
          mark: <Dot colour={`var(--status-${value})`} />,
        }))}
      />
      <TagFilter chosen={view.tag} />
      <SortMenu view={view} />
      <SavedViews view={view} />
      {countFilters(view) > 0 && (
        <Button
          size="small"
          look="quiet"
          icon={<FilterX aria-hidden />}
          onClick={() => changeView(NO_FILTERS)}
        >
          {t("filter.clear")}
        </Button>
      )}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly chosen: readonly T[];
  readonly options: readonly {
    readonly value: T;
    readonly label: string;
    readonly mark?: ReactNode;
  }[];
  readonly onChange: (chosen: readonly T[]) => void;
}

/** A menu of which any number can be chosen; its button names the one, or counts them. */
function Choice<T extends string>({ label, chosen, options, onChange }: ChoiceProps<T>) {
  const [first] = chosen;
  const only = chosen.length === 1 && options.find(({ value }) => value === first)?.label;
  return (
    <Menu
      trigger={
        <FilterButton
          label={label}
          value={only || (chosen.length > 0 ? String(chosen.length) : "")}
        />
      }
    >
      {options.map(({ value, label: name, mark }) => (
        <MenuCheck
          key={value}
          checked={chosen.includes(value)}
          onChange={(checked) =>
            onChange(checked ? [...chosen, value] : chosen.filter((other) => other !== value))
          }
        >
          {mark}
          {name}
        </MenuCheck>
      ))}
    </Menu>
  );
}

interface FilterButtonProps {
  readonly label: string;
  readonly value: string;
}

function FilterButton({ label, value, ...rest }: FilterButtonProps) {
  return (
    <Button size="small" className={value === "" ? "" : "filter--set"} {...rest}>
      {label}
      {value !== "" && <strong>{value}</strong>}
      <ChevronDown aria-hidden />
    </Button>
  );
}

function TagFilter({ chosen }: { readonly chosen: readonly string[] }) {
  const { t } = useWords();
  const [first] = chosen;
  const value = chosen.length === 1 ? first : chosen.length > 0 ? String(chosen.length) : "";
  return (
    <Popover
      label={t("field.tags")}
      trigger={<FilterButton label={t("field.tags")} value={value ?? ""} />}
    >
      <TagInput
        label={t("field.tags")}
        value={chosen}
        onChange={(tag) => changeView({ tag })}
        placeholder={t("filter.tag.add")}
        removeLabel={(tag) => t("action.removeTag", { tag })}
      />
    </Popover>
  );
}

const BOARD_SORTS: readonly Sort[] = [
  "position",
  "-created_at",
  "created_at",
  "-updated_at",
  "title",
  "-priority",
];

function SortMenu({ view }: { readonly view: View }) {
  const { t } = useWords();
  const sort = sortOf(view);
  const sorts = BOARD_SORTS.includes(sort) ? BOARD_SORTS : [...BOARD_SORTS, sort];
  return (
    <Menu
      trigger={
        <Button size="small" icon={<ArrowDownWideNarrow aria-hidden />}>
          {t(`sort.${sort}`)}
        </Button>
      }
    >
      <MenuChoice
        label={t("sort.label")}
        value={sort}
        onChange={(next) => {
          const usual = sortOf({ ...view, sort: undefined });
          changeView({ sort: next === usual ? undefined : next });
        }}
        options={sorts.map((value) => ({ value, label: t(`sort.${value}`) }))}
      />
    </Menu>
  );
}

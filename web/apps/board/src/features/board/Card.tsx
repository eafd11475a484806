import { useDraggable } from "@dnd-kit/core";
import { Chip, Dot } from "@stackyard/ui";
import { Check, CloudOff, GitCompareArrows } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, memo, type ReactNode } from "react";
import type { Category, Item } from "../../api/types";
import { useWords } from "../../i18n";
import { PriorityMark } from "../items/PriorityMark";

export type CardState = "plain" | "waiting" | "conflict";

interface FaceProps {
  readonly item: Item;
  readonly category: Category | undefined;
  readonly state?: CardState;
}

/** At most this many tags; the rest as a number. */
const TAGS = 3;

/** What a card shows, wherever it is. */
export function CardFace({ item, category, state = "plain" }: FaceProps) {
  const { t, date } = useWords();
  const more = item.tags.length - TAGS;
  return (
    <>
      <span className="card__title">{item.title}</span>
      <span className="card__meta">
        <PriorityMark priority={item.priority} />
        <span className="card__category">
          <Dot colour={category?.color ?? "var(--ink-faint)"} />
          <span>{category?.display_name ?? item.category}</span>
        </span>
        {state === "waiting" && <Mark label={t("card.waiting")} icon={<CloudOff />} />}
        {state === "conflict" && <Mark label={t("card.conflict")} icon={<GitCompareArrows />} />}
        <time className="card__date" dateTime={item.created_at}>
          {date(item.created_at, "short")}
        </time>
      </span>
      {item.tags.length > 0 && (
        <span className="card__tags">
          {item.tags.slice(0, TAGS).map((tag) => (
            <Chip key={tag}>{tag}</Chip>
          ))}
          {more > 0 && <Chip title={item.tags.slice(TAGS).join(", ")}>+{more}</Chip>}
        </span>
      )}
    </>
  );
}

function Mark({ label, icon }: { readonly label: string; readonly icon: ReactNode }) {
  return (
    <span className="card__mark" role="img" aria-label={label} title={label}>
      {icon}
    </span>
  );
}

export interface CardHandlers {
  readonly onPress: (item: Item, event: MouseEvent) => void;
  readonly onKey: (item: Item, event: KeyboardEvent) => void;
  readonly onToggle: (item: Item) => void;
}

interface CardProps extends FaceProps {
  readonly selected: boolean;
  readonly selecting: boolean;
  readonly moving: boolean;
  readonly tabbable: boolean;
  readonly editable: boolean;
  readonly handlers: CardHandlers;
}

export const Card = memo(function Card(props: CardProps) {
  const { item, category, state, selected, selecting, moving, tabbable, handlers, editable } =
    props;
  const { t } = useWords();
  const { attributes, listeners, setNodeRef } = useDraggable({
    id: item.id,
    disabled: !editable,
  });
  const names = ["card"];
  if (selected) names.push("card--selected");
  if (selecting) names.push("card--selecting");
  if (moving) names.push("card--moving");
  return (
    <li className={names.join(" ")} data-card={item.id} data-version={item.version}>
      {/* biome-ignore lint/a11y/useSemanticElements: Space picks it up, where a button's would press it */}
      <div
        {...attributes}
        {...listeners}
        ref={setNodeRef}
        className="card__body"
        role="button"
        tabIndex={tabbable ? 0 : -1}
        aria-disabled={false}
        aria-roledescription={editable ? t("card.drag") : undefined}
        aria-describedby={editable ? "card-instructions" : undefined}
        onClick={(event) => handlers.onPress(item, event)}
        onKeyDown={(event) => {
          listeners?.onKeyDown?.(event);
          if (!event.defaultPrevented) handlers.onKey(item, event);
        }}
      >
        <CardFace item={item} category={category} {...(state && { state })} />
        {selected && <span className="ui-hidden">{t("card.selected")}</span>}
      </div>
      {editable && (
        <button
          type="button"
          tabIndex={-1}
          className="card__check"
          aria-label={`${t("keys.select")}: ${item.title}`}
          aria-pressed={selected}
          onClick={() => handlers.onToggle(item)}
        >
          <Check aria-hidden />
        </button>
      )}
    </li>
  );
});

import { useDndContext } from "@dnd-kit/core";
import { useEffect, useRef, useState } from "react";
import type { ColumnData } from "../../data/hooks";
import { useWords, type Words } from "../../i18n";
import type { Drag } from "./use-drag";

interface DragVoiceProps {
  readonly drag: Drag | undefined;
  readonly columns: readonly ColumnData[];
  readonly onGone: () => void;
}

/** Tells those who do not see it where the card is. */
export function DragVoice({ drag, columns, onGone }: DragVoiceProps) {
  const words = useWords();
  const previous = useRef<Drag>(undefined);
  const [text, setText] = useState("");
  const { active } = useDndContext();
  const gone = useRef(onGone);

  useEffect(() => {
    gone.current = onGone;
  });

  useEffect(() => {
    if (active === null) gone.current();
  }, [active]);

  useEffect(() => {
    const before = previous.current;
    previous.current = drag;
    if (drag && !before) setText(startText(drag, words));
    else if (drag && drag !== before) setText(placeText("drag.over", drag, columns, words));
    else if (!drag && before) setText(placeText("drag.end", before, columns, words));
  }, [drag, columns, words]);

  return (
    <div className="ui-hidden" role="status" aria-live="assertive" data-testid="drag-voice">
      {text}
    </div>
  );
}

function nameOf({ items, active }: Drag, { n }: Words): string {
  return items.length > 1 ? n("board.count", items.length) : active.title;
}

function startText(drag: Drag, { t }: Words): string {
  return drag.items.length > 1
    ? t("drag.start.many", { count: drag.items.length })
    : t("drag.start", { title: drag.active.title });
}

function placeText(
  key: "drag.over" | "drag.end",
  drag: Drag,
  columns: readonly ColumnData[],
  words: Words,
): string {
  const column = columns.find(({ status }) => status === drag.slot.status);
  const staying = column?.items.filter((item) => !drag.ids.has(item.id)).length ?? 0;
  return words.t(key, {
    title: nameOf(drag, words),
    status: words.t(`status.${drag.slot.status}`),
    place: drag.slot.index + 1,
    total: staying + 1,
  });
}

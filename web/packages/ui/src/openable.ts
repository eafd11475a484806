import { cloneElement, type KeyboardEvent, type MouseEvent, type ReactElement } from "react";

interface TriggerProps {
  readonly onClick?: (event: MouseEvent) => void;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
}

/** A button that says what it opens, before that was loaded; `open` loads and shows it. */
export function openable(
  trigger: ReactElement,
  popup: "menu" | "dialog",
  open: (byKeyboard: boolean) => Promise<void>,
): ReactElement {
  const closed = {
    "aria-haspopup": popup,
    "aria-expanded": false,
    // A click that no pointer has made comes from a key.
    onClick: (event: MouseEvent) => void open(event.detail === 0),
    onKeyDown: (event: KeyboardEvent) => {
      if (popup !== "menu" || event.key !== "ArrowDown") return;
      event.preventDefault();
      void open(true);
    },
  };
  return cloneElement(trigger as ReactElement<TriggerProps>, closed);
}

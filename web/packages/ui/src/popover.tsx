import { type ReactElement, type ReactNode, useState } from "react";
import { Later } from "./later";
import { openable } from "./openable";

type Parts = typeof import("./popover-parts");

/** Loaded with the first popover that opens. */
export const popoverParts = new Later<Parts>(() => import("./popover-parts"));

export interface PopoverProps {
  readonly label: string;
  readonly trigger: ReactElement;
  readonly open?: boolean;
  readonly onOpenChange?: (open: boolean) => void;
  readonly align?: "start" | "center" | "end";
  readonly children: ReactNode;
}

/** A small panel under a button, for what a menu cannot hold, such as a text field. */
export function Popover(props: PopoverProps) {
  const [parts, setParts] = useState<Parts>();
  if (parts) return <parts.Popover {...props} />;
  return openable(props.trigger, "dialog", async () => {
    setParts(await popoverParts.load());
    props.onOpenChange?.(true);
  });
}

import * as Radix from "@radix-ui/react-popover";
import type { ReactElement, ReactNode } from "react";

interface PopoverProps {
  readonly label: string;
  readonly trigger: ReactElement;
  readonly open?: boolean;
  readonly onOpenChange?: (open: boolean) => void;
  readonly align?: "start" | "center" | "end";
  readonly children: ReactNode;
}

/** A small panel under a button, for what a menu cannot hold, such as a text field. */
export function Popover({ label, trigger, align = "start", children, ...state }: PopoverProps) {
  return (
    <Radix.Root {...state}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          className="ui-popover ui-popover--roomy"
          aria-label={label}
          align={align}
          sideOffset={6}
          collisionPadding={8}
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

import * as Radix from "@radix-ui/react-popover";
import type { PopoverProps } from "./popover";

// What popovers are made of. `popover` loads it; nothing else should.

/** A popover that is open when it is first rendered. */
export function Popover({ label, trigger, align = "start", children, ...state }: PopoverProps) {
  return (
    <Radix.Root {...state} defaultOpen>
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

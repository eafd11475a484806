import * as Radix from "@radix-ui/react-dropdown-menu";
import { Check } from "lucide-react";
import { useEffect, useRef } from "react";
import type { MenuCheckProps, MenuChoiceProps, MenuItemProps, MenuProps } from "./menu";

// What menus are made of. `menu` loads it; nothing else should.

interface OpenMenuProps extends MenuProps {
  /** Whether a key has opened it: then the first entry has the focus. */
  readonly byKeyboard: boolean;
}

/** A menu that is open when it is first rendered. */
export function Menu({ trigger, align = "start", byKeyboard, children }: OpenMenuProps) {
  const content = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!byKeyboard) return;
    // Radix gives the focus to the menu as a whole first: it saw no key.
    const frame = requestAnimationFrame(() =>
      content.current?.querySelector<HTMLElement>("[role^=menuitem]")?.focus(),
    );
    return () => cancelAnimationFrame(frame);
  }, [byKeyboard]);
  return (
    <Radix.Root modal={false} defaultOpen>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          ref={content}
          className="ui-popover"
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

export function MenuItem({ icon, end, onSelect, children }: MenuItemProps) {
  return (
    <Radix.Item className="ui-option" onSelect={onSelect}>
      {icon}
      <span>{children}</span>
      {end && <span className="ui-option__end">{end}</span>}
    </Radix.Item>
  );
}

export function MenuCheck({ checked, onChange, children }: MenuCheckProps) {
  return (
    <Radix.CheckboxItem
      className="ui-option"
      checked={checked}
      onCheckedChange={onChange}
      onSelect={(event) => event.preventDefault()}
    >
      <span className="ui-option__check">
        <Radix.ItemIndicator asChild>
          <Check aria-hidden />
        </Radix.ItemIndicator>
      </span>
      {children}
    </Radix.CheckboxItem>
  );
}

export function MenuChoice<T extends string>(props: MenuChoiceProps<T>) {
  const { label, value, options, onChange } = props;
  return (
    <Radix.RadioGroup
      aria-label={label}
      value={value}
      onValueChange={(next) => onChange(next as T)}
    >
      <div className="ui-menu-label" aria-hidden>
        {label}
      </div>
      {options.map((option) => (
        <Radix.RadioItem key={option.value} className="ui-option" value={option.value}>
          <span className="ui-option__check">
            <Radix.ItemIndicator asChild>
              <Check aria-hidden />
            </Radix.ItemIndicator>
          </span>
          {option.label}
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  );
}

export function MenuLine() {
  return <Radix.Separator className="ui-menu-line" />;
}

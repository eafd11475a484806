import { createContext, type ReactElement, type ReactNode, use, useState } from "react";
import { Later } from "./later";
import { openable } from "./openable";

type Parts = typeof import("./menu-parts");

/** Loaded with the first menu that opens: a page full of menus starts without their program. */
export const menuParts = new Later<Parts>(() => import("./menu-parts"));

const Context = createContext<Parts | undefined>(undefined);

function useParts(): Parts {
  const parts = use(Context);
  if (!parts) throw new Error("no Menu above");
  return parts;
}

export interface MenuProps {
  readonly trigger: ReactElement;
  readonly align?: "start" | "center" | "end";
  readonly children: ReactNode;
}

/** A menu under a button. Not modal, so that nothing locks the page's scrolling. */
export function Menu(props: MenuProps) {
  const [opened, setOpened] = useState<{ readonly parts: Parts; readonly byKeyboard: boolean }>();
  if (!opened) {
    return openable(props.trigger, "menu", async (byKeyboard) => {
      setOpened({ parts: await menuParts.load(), byKeyboard });
    });
  }
  const { parts, byKeyboard } = opened;
  return (
    <Context value={parts}>
      <parts.Menu {...props} byKeyboard={byKeyboard} />
    </Context>
  );
}

export interface MenuItemProps {
  readonly icon?: ReactNode;
  readonly end?: ReactNode;
  readonly onSelect: () => void;
  readonly children: ReactNode;
}

export function MenuItem(props: MenuItemProps) {
  const parts = useParts();
  return <parts.MenuItem {...props} />;
}

export interface MenuCheckProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children: ReactNode;
}

/** An entry that is on or off; the menu stays open, for more of them. */
export function MenuCheck(props: MenuCheckProps) {
  const parts = useParts();
  return <parts.MenuCheck {...props} />;
}

export interface MenuChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: ReactNode }[];
  readonly onChange: (value: T) => void;
}

/** Entries of which one is chosen. */
export function MenuChoice<T extends string>(props: MenuChoiceProps<T>) {
  const parts = useParts();
  return <parts.MenuChoice {...props} />;
}

export function MenuLine() {
  const parts = useParts();
  return <parts.MenuLine />;
}

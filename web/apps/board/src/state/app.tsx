/** What every part of the page can reach: the workspace, messages, the open dialog. */

import { Toasts } from "@stackyard/ui";
import { createContext, type ReactNode, use, useSyncExternalStore } from "react";
import type { Item, Role, Status } from "../api/types";
import { may } from "../data/session";
import { Store } from "../data/store";
import type { Workspace } from "../data/workspace";

export type DialogState =
  | { readonly kind: "create"; readonly status: Status }
  | { readonly kind: "edit"; readonly id: string }
  | { readonly kind: "delete"; readonly items: readonly Item[] }
  | { readonly kind: "categories" }
  | { readonly kind: "branches" }
  | { readonly kind: "diff"; readonly name: string; readonly against: string }
  | { readonly kind: "conflicts" }
  | { readonly kind: "keys" };

export interface App {
  readonly workspace: Workspace;
  readonly toasts: Toasts;
  readonly dialog: Store<DialogState | undefined>;
}

const Context = createContext<App | undefined>(undefined);

export function newApp(workspace: Workspace): App {
  return { workspace, toasts: new Toasts(), dialog: new Store<DialogState | undefined>(undefined) };
}

export function AppProvider({
  app,
  children,
}: {
  readonly app: App;
  readonly children: ReactNode;
}) {
  return <Context value={app}>{children}</Context>;
}

export function useApp(): App {
  const app = use(Context);
  if (!app) throw new Error("no AppProvider above");
  return app;
}

/** Whether whoever is signed in may do what a role may. */
export function useMay(role: Role): boolean {
  return may(useStore(useApp().workspace.session.state), role);
}

/** Follow a store. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}

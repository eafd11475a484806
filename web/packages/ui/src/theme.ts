import { useEffect, useSyncExternalStore } from "react";
import { applyTheme, chosenTheme, keepTheme, shownTheme, type ThemeChoice } from "./theme-choice";

export type { ThemeChoice } from "./theme-choice";

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    query.removeEventListener("change", listener);
    window.removeEventListener("storage", listener);
  };
}

/** The theme that was chosen, and a way to choose; keeps the page in it. */
export function useTheme(): readonly [ThemeChoice, (choice: ThemeChoice) => void] {
  const theme = useSyncExternalStore(subscribe, shownTheme);
  const choice = useSyncExternalStore(subscribe, chosenTheme);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is applied follows from it
  useEffect(applyTheme, [theme]);
  return [choice, choose];
}

function choose(choice: ThemeChoice): void {
  keepTheme(choice);
  for (const listener of listeners) listener();
}

import { useEffect, useSyncExternalStore } from "react";

export type ThemeChoice = "system" | "light" | "dark";

const KEY = "stackyard.theme";
const listeners = new Set<() => void>();

function stored(): ThemeChoice {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

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

function shown(): "light" | "dark" {
  const choice = stored();
  if (choice !== "system") return choice;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** The theme that was chosen, and a way to choose; keeps the page in it. */
export function useTheme(): readonly [ThemeChoice, (choice: ThemeChoice) => void] {
  const theme = useSyncExternalStore(subscribe, shown);
  const choice = useSyncExternalStore(subscribe, stored);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return [choice, choose];
}

function choose(choice: ThemeChoice): void {
  if (choice === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, choice);
  for (const listener of listeners) listener();
}

/** Set the theme before anything is painted. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = shown();
}

export type ThemeChoice = "system" | "light" | "dark";

const KEY = "stackyard.theme";

/** What was chosen. */
export function chosenTheme(): ThemeChoice {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

export function keepTheme(choice: ThemeChoice): void {
  if (choice === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, choice);
}

/** What that means here and now. */
export function shownTheme(): "light" | "dark" {
  const choice = chosenTheme();
  if (choice !== "system") return choice;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Set the theme before anything is painted; needs no other part of this package. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = shownTheme();
}

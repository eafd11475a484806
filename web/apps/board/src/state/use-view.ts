import { useMemo, useSyncExternalStore } from "react";
import { formatView, parseView, type View } from "./url";

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

/** The view that the address names. */
export function useView(): View {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  return useMemo(() => parseView(hash), [hash]);
}

/** Change a part of the view; `replace` keeps it out of the browser's history. */
export function changeView(
  part: Partial<View>,
  options: { readonly replace?: boolean } = {},
): void {
  const hash = formatView({ ...parseView(window.location.hash), ...part });
  if (hash === window.location.hash) return;
  if (!options.replace) {
    window.location.hash = hash;
    return;
  }
  window.history.replaceState(null, "", hash);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

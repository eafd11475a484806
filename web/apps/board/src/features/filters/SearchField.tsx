import { IconButton } from "@stackyard/ui";
import { Search, X } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useWords } from "../../i18n";
import { changeView } from "../../state/use-view";

/** Milliseconds without a key before the search starts. */
const PAUSE = 220;

export function SearchField({ q }: { readonly q: string }) {
  const { t } = useWords();
  const [text, setText] = useState(q);
  const given = useRef(q);

  const search = useCallback((next: string) => {
    given.current = next;
    changeView({ q: next.trim() }, { replace: true });
  }, []);

  // The address changed by itself: a saved view, or the browser's back button.
  useEffect(() => {
    if (q !== given.current) setText(q);
    given.current = q;
  }, [q]);

  useEffect(() => {
    if (text === given.current) return;
    const timer = setTimeout(() => search(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text, search]);

  return (
    <search className="search">
      <Search aria-hidden />
      <input
        data-search
        type="search"
        className="ui-input"
        aria-label={t("search.label")}
        placeholder={t("search.placeholder")}
        value={text}
        maxLength={200}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") search(text);
          if (event.key === "Escape") {
            setText("");
            search("");
            event.currentTarget.blur();
          }
        }}
      />
      {text === "" ? (
        <kbd aria-hidden>/</kbd>
      ) : (
        <IconButton
          size="small"
          label={t("search.clear")}
          icon={<X aria-hidden />}
          onClick={() => {
            setText("");
            search("");
          }}
        />
      )}
    </search>
  );
}

import { Button, IconButton, Popover } from "@stackyard/ui";
import { Bookmark, Link, X } from "lucide-react";
import { useState } from "react";
import { useWords } from "../../i18n";
import { useApp, useStore } from "../../state/app";
import { formatView, parseView, type View } from "../../state/url";
import { changeView } from "../../state/use-view";
import { dropView, keepView, savedViews } from "./saved-views";

/** Filters, search and sort under a name. The branch is left out: a view fits any. */
export function SavedViews({ view }: { readonly view: View }) {
  const { t } = useWords();
  const { toasts } = useApp();
  const views = useStore(savedViews);
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const hash = formatView({ ...view, branch: undefined, item: undefined });

  const save = () => {
    if (name.trim() === "") return;
    keepView({ name: name.trim(), hash });
    setName("");
  };
  const copy = async () => {
    await navigator.clipboard.writeText(window.location.href);
    toasts.show(t("views.copied"));
  };

  return (
    <Popover
      label={t("views.label")}
      open={open}
      onOpenChange={setOpen}
      trigger={
        <Button size="small" icon={<Bookmark aria-hidden />}>
          {t("views.label")}
        </Button>
      }
    >
      <div className="views">
        {views.length === 0 && <p className="views__note">{t("views.none")}</p>}
        <ul>
          {views.map((saved) => (
            <li key={saved.name}>
              <button
                type="button"
                className="ui-option"
                aria-current={saved.hash === hash || undefined}
                onClick={() => {
                  const { branch: _branch, item: _item, ...rest } = parseView(saved.hash);
                  changeView(rest);
                  setOpen(false);
                }}
              >
                {saved.name}
              </button>
              <IconButton
                size="small"
                label={t("views.remove", { name: saved.name })}
                icon={<X aria-hidden />}
                onClick={() => dropView(saved.name)}
              />
            </li>
          ))}
        </ul>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            save();
          }}
        >
          <input
            className="ui-input"
            aria-label={t("views.name")}
            placeholder={t("views.name")}
            value={name}
            maxLength={60}
            onChange={(event) => setName(event.target.value)}
          />
          <Button type="submit">{t("views.save")}</Button>
          <Button look="quiet" icon={<Link aria-hidden />} onClick={() => void copy()}>
            {t("views.copy")}
          </Button>
        </form>
      </div>
    </Popover>
  );
}

import { Banner, Button, Field } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { type FormEvent, useId, useState } from "react";
import { ApiError } from "../../api/http";
import type { Category } from "../../api/types";
import { useWords } from "../../i18n";
import { slugOf } from "./slug";
import type { CategoryActions, Failure } from "./use-category-actions";

const COLOURS = [
  "#4052D6",
  "#0D8BA1",
  "#2C9A57",
  "#B7791F",
  "#C0262D",
  "#A03FB0",
  "#6B7280",
] as const;

interface CategoryFormProps {
  readonly category: Category | undefined;
  readonly actions: CategoryActions;
  readonly onClose: () => void;
}

export function CategoryForm({ category, actions, onClose }: CategoryFormProps) {
  const { t } = useWords();
  const id = useId();
  const [display, setDisplay] = useState(category?.display_name ?? "");
  const [slug, setSlug] = useState(category?.name);
  const [description, setDescription] = useState(category?.description ?? "");
  const [color, setColor] = useState<string>(category?.color ?? COLOURS[0]);
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);
  const name = slug ?? slugOf(display);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const fields = { name, display_name: display, description, color };
    const failed = category
      ? await actions.update(category.name, fields)
      : await actions.create({ ...fields, is_active: true } as Category);
    setBusy(false);
    if (failed) setFailure(failed);
    else onClose();
  };

  const errors = failure instanceof ApiError ? failure.fields : [];
  const errorOf = (field: string) => errors.find((error) => error.field === field)?.message;
  const shown = ["name", "display_name", "description", "color"].some(errorOf);
  return (
    <Dialog
      title={category ? t("categories.edit", { name: category.display_name }) : t("categories.add")}
      size="narrow"
      closeLabel={t("action.close")}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button type="submit" form={id} look="primary" busy={busy}>
            {category ? t("action.save") : t("action.create")}
          </Button>
        </>
      }
    >
      <form id={id} className="form" noValidate onSubmit={(event) => void submit(event)}>
        {failure && !shown && <Banner tone="danger">{failure.message}</Banner>}
        <Field label={t("field.name")} error={errorOf("display_name")}>
          {(control) => (
            <input
              {...control}
              autoFocus
              className="ui-input"
              value={display}
              onChange={(event) => setDisplay(event.target.value)}
            />
          )}
        </Field>
        <Field label={t("field.slug")} note={t("categories.slug.note")} error={errorOf("name")}>
          {(control) => (
            <input
              {...control}
              className="ui-input"
              value={name}
              onChange={(event) => setSlug(event.target.value)}
            />
          )}
        </Field>
        <Field label={t("field.description")} error={errorOf("description")}>
          {(control) => (
            <textarea
              {...control}
              className="ui-textarea category__description"
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
        <Field label={t("field.colour")} error={errorOf("color")}>
          {(control) => (
            <div className="colours">
              {COLOURS.map((value) => (
                <button
                  key={value}
                  type="button"
                  aria-label={value}
                  aria-pressed={color.toUpperCase() === value}
                  style={{ background: value }}
                  onClick={() => setColor(value)}
                />
              ))}
              <input
                {...control}
                type="color"
                value={color}
                onChange={(event) => setColor(event.target.value.toUpperCase())}
              />
            </div>
          )}
        </Field>
      </form>
    </Dialog>
  );
}

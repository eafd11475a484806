import { Banner, Button, Field, Segments, Skeleton, TagInput } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { type FormEvent, lazy, Suspense, useId, useState } from "react";
import { type ItemFields, PRIORITIES, type Priority, STATUSES, type Status } from "../../api/types";
import type { CategoriesData } from "../../data/hooks";
import type { Result } from "../../data/outbox";
import { useWords } from "../../i18n";
import { ConfirmDialog } from "../shell/ConfirmDialog";
import { changesOf, type Messages, messagesOf, NO_MESSAGES } from "./item-form";

const Markdown = lazy(() => import("./Markdown"));

interface ItemFormProps {
  readonly title: string;
  readonly action: string;
  readonly initial: ItemFields;
  readonly categories: CategoriesData;
  readonly onSubmit: (fields: ItemFields) => Promise<Result>;
  readonly onClose: () => void;
}

/**
 * The fields of an item. What is right and what is wrong is the API's to say: the form
 * sends what it has and puts the answer's messages beside their fields.
 */
export function ItemForm(props: ItemFormProps) {
  const { title, action, initial, categories, onSubmit, onClose } = props;
  const { t } = useWords();
  const id = useId();
  const [fields, setFields] = useState(initial);
  const [messages, setMessages] = useState<Messages>(NO_MESSAGES);
  const [busy, setBusy] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const set = (part: Partial<ItemFields>) => setFields({ ...fields, ...part });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const result = await onSubmit(fields);
    setBusy(false);
    if (result.kind !== "refused") onClose();
    else setMessages(messagesOf(result.message, result.fields));
  };

  const leave = () => {
    if (Object.keys(changesOf(initial, fields)).length > 0) setLeaving(true);
    else onClose();
  };

  const foot = (
    <>
      <Button onClick={leave}>{t("action.cancel")}</Button>
      <Button type="submit" form={id} look="primary" busy={busy}>
        {action}
      </Button>
    </>
  );
  return (
    <>
      <Dialog title={title} closeLabel={t("action.close")} onClose={leave} foot={foot}>
        <form id={id} className="form" noValidate onSubmit={(event) => void submit(event)}>
          {messages.form && <Banner tone="danger">{messages.form}</Banner>}
          <Field label={t("field.title")} error={messages.fields.title}>
            {(control) => (
              <input
                {...control}
                autoFocus
                className="ui-input"
                value={fields.title}
                onChange={(event) => set({ title: event.target.value })}
              />
            )}
          </Field>
          <Description
            text={fields.description}
            error={messages.fields.description}
            onChange={(description) => set({ description })}
          />
          <Choices fields={fields} messages={messages} categories={categories} onChange={set} />
          <Field label={t("field.tags")} note={t("item.tags.note")} error={messages.fields.tags}>
            {(control) => (
              <TagInput
                control={control}
                value={fields.tags}
                onChange={(tags) => set({ tags })}
                removeLabel={(tag) => t("action.removeTag", { tag })}
              />
            )}
          </Field>
        </form>
      </Dialog>
      {leaving && (
        <ConfirmDialog
          title={t("item.unsaved")}
          note={t("item.unsaved.note")}
          action={t("item.unsaved.discard")}
          cancel={t("item.unsaved.keep")}
          onConfirm={onClose}
          onClose={() => setLeaving(false)}
        />
      )}
    </>
  );
}

interface DescriptionProps {
  readonly text: string;
  readonly error: string | undefined;
  readonly onChange: (text: string) => void;
}

function Description({ text, error, onChange }: DescriptionProps) {
  const { t } = useWords();
  const [mode, setMode] = useState<"write" | "preview">("write");
  return (
    <div className="description">
      <Segments
        label={t("item.mode")}
        value={mode}
        onChange={setMode}
        options={[
          { value: "write", label: t("item.write") },
          { value: "preview", label: t("item.preview") },
        ]}
      />
      <Field label={t("field.description")} note={t("item.description.note")} error={error}>
        {(control) =>
          mode === "write" ? (
            <textarea
              {...control}
              className="ui-textarea"
              rows={7}
              value={text}
              onChange={(event) => onChange(event.target.value)}
            />
          ) : (
            <div id={control.id} className="description__preview">
              <Suspense fallback={<Skeleton height="5rem" />}>
                <Markdown text={text} />
              </Suspense>
            </div>
          )
        }
      </Field>
    </div>
  );
}

interface ChoicesProps {
  readonly fields: ItemFields;
  readonly messages: Messages;
  readonly categories: CategoriesData;
  readonly onChange: (part: Partial<ItemFields>) => void;
}

function Choices({ fields, messages, categories, onChange }: ChoicesProps) {
  const { t } = useWords();
  // An item may still be in a category that was deactivated since.
  const offered = categories.all.filter(
    ({ name, is_active }) => is_active || name === fields.category,
  );
  return (
    <div className="form__row">
      <Field
        label={t("field.category")}
        note={offered.length === 0 ? t("item.noCategories") : undefined}
        error={messages.fields.category}
      >
        {(control) => (
          <select
            {...control}
            className="ui-select"
            value={fields.category}
            onChange={(event) => onChange({ category: event.target.value })}
          >
            {offered.map(({ name, display_name }) => (
              <option key={name} value={name}>
                {display_name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("field.priority")} error={messages.fields.priority}>
        {(control) => (
          <select
            {...control}
            className="ui-select"
            value={fields.priority}
            onChange={(event) => onChange({ priority: event.target.value as Priority })}
          >
            {PRIORITIES.map((priority) => (
              <option key={priority} value={priority}>
                {t(`priority.${priority}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("field.status")} error={messages.fields.status}>
        {(control) => (
          <select
            {...control}
            className="ui-select"
            value={fields.status}
            onChange={(event) => onChange({ status: event.target.value as Status })}
          >
            {STATUSES.map((status) => (
              <option key={status} value={status}>
                {t(`status.${status}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
    </div>
  );
}

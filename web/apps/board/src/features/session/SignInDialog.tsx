import "../items/items.css";
import { Button, Field } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { KeyRound } from "lucide-react";
import { type FormEvent, useId, useState } from "react";
import { secretOf } from "../../api/credentials";
import { ApiError, UnreachableError } from "../../api/http";
import { useWords } from "../../i18n";
import { useApp } from "../../state/app";

interface SignInDialogProps {
  readonly wanted: "key" | "token";
  /** Why the API does not take what it was given before. */
  readonly reason: string | undefined;
  readonly onClose: () => void;
}

/** Takes an API key or a token; nothing is kept of one that the API refuses. */
export default function SignInDialog({ wanted, reason, onClose }: SignInDialogProps) {
  const { t } = useWords();
  const { workspace } = useApp();
  const form = useId();
  const [text, setText] = useState("");
  const [remember, setRemember] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();

  const signIn = async (): Promise<string | undefined> => {
    const secret = secretOf(text);
    if (secret === undefined) return t("session.malformed");
    try {
      await workspace.signIn(secret, remember);
      return undefined;
    } catch (error) {
      if (error instanceof UnreachableError) return t("session.unreachable");
      if (error instanceof ApiError) return t("session.unknown", { message: error.message });
      throw error;
    }
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(await signIn());
    setBusy(false);
  };

  return (
    <Dialog
      title={t("session.title")}
      note={reason ? t("session.refused", { message: reason }) : t(`session.note.${wanted}`)}
      size="narrow"
      closeLabel={t("action.close")}
      onClose={onClose}
      foot={
        <Button
          type="submit"
          form={form}
          look="primary"
          busy={busy}
          icon={<KeyRound aria-hidden />}
        >
          {t("session.signIn")}
        </Button>
      }
    >
      <form id={form} className="form" noValidate onSubmit={(event) => void submit(event)}>
        <Field label={t(`session.${wanted}`)} error={failure}>
          {(control) => (
            <input
              {...control}
              className="ui-input"
              type="password"
              autoFocus
              autoComplete="off"
              spellCheck={false}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
        <label className="remember">
          <input
            type="checkbox"
            checked={remember}
            onChange={(event) => setRemember(event.target.checked)}
          />
          <span>
            {t("session.remember")}
            <small>{t("session.remember.note")}</small>
          </span>
        </label>
      </form>
    </Dialog>
  );
}

import { Button } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { useState } from "react";
import { useWords } from "../../i18n";

interface ConfirmDialogProps {
  readonly title: string;
  readonly note: string;
  readonly action: string;
  readonly cancel?: string;
  readonly onConfirm: () => void | Promise<void>;
  readonly onClose: () => void;
}

/** A question before something is lost; the harmless answer has the focus. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, note, action, cancel, onConfirm, onClose } = props;
  const { t } = useWords();
  const [busy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={title}
      note={note}
      size="narrow"
      role="alertdialog"
      closeLabel={t("action.close")}
      onClose={onClose}
      foot={
        <>
          <Button autoFocus onClick={onClose}>
            {cancel ?? t("action.cancel")}
          </Button>
          <Button look="danger" busy={busy} onClick={() => void confirm()}>
            {action}
          </Button>
        </>
      }
    />
  );
}

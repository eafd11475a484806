import * as Radix from "@radix-ui/react-dialog";
import { X } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { IconButton } from "./button";

interface DialogProps {
  readonly title: string;
  readonly note?: ReactNode;
  readonly size?: "narrow" | "normal" | "wide";
  readonly role?: "dialog" | "alertdialog";
  readonly closeLabel: string;
  readonly onClose: () => void;
  readonly actions?: ReactNode;
  readonly foot?: ReactNode;
  readonly children?: ReactNode;
}

/**
 * A modal dialog that is open as long as it is rendered.
 *
 * The scrim is ours: Radix's own writes a style element into the page, which the
 * content security policy rightly refuses.
 */
export function Dialog(props: DialogProps) {
  const { title, note, size = "normal", role = "dialog", closeLabel, onClose } = props;
  useScrollLock();
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <div className="ui-scrim" aria-hidden />
        <Radix.Content
          className={`ui-dialog ui-dialog--${size}`}
          role={role}
          {...(note === undefined && { "aria-describedby": undefined })}
        >
          <header className="ui-dialog__head">
            <div className="ui-dialog__titles">
              <Radix.Title className="ui-dialog__title">{title}</Radix.Title>
              {note !== undefined && (
                <Radix.Description className="ui-dialog__note" asChild>
                  <div>{note}</div>
                </Radix.Description>
              )}
            </div>
            {props.actions}
            <Radix.Close asChild>
              <IconButton label={closeLabel} icon={<X aria-hidden />} />
            </Radix.Close>
          </header>
          {props.children !== undefined && <div className="ui-dialog__body">{props.children}</div>}
          {props.foot && <footer className="ui-dialog__foot">{props.foot}</footer>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Keep the page behind from scrolling. */
function useScrollLock() {
  useEffect(() => {
    document.documentElement.classList.add("ui-locked");
    return () => document.documentElement.classList.remove("ui-locked");
  }, []);
}

import { X } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Button, IconButton } from "./button";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: "plain" | "error";
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
}

/** How long a toast stays, in milliseconds, unless it is pointed at or focused. */
const STAY = 8000;
const MOST = 3;

/** The messages in sight, newest last; a store outside React, for code outside React. */
export class Toasts {
  private all: readonly Toast[] = [];
  private next = 1;
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly get = () => this.all;

  show(text: string, options: Partial<Pick<Toast, "tone" | "action">> = {}): number {
    const toast = { id: this.next++, text, tone: options.tone ?? "plain", action: options.action };
    this.set([...this.all, toast].slice(-MOST));
    return toast.id;
  }

  close(id: number): void {
    this.set(this.all.filter((toast) => toast.id !== id));
  }

  /** Run the newest action there is, such as undoing; false where there is none. */
  act(): boolean {
    const toast = this.all.findLast((candidate) => candidate.action !== undefined);
    if (!toast) return false;
    this.close(toast.id);
    toast.action?.run();
    return true;
  }

  private set(all: readonly Toast[]): void {
    this.all = all;
    for (const listener of this.listeners) listener();
  }
}

interface ToastViewProps {
  readonly toasts: Toasts;
  readonly label: string;
  readonly closeLabel: string;
}

export function ToastView({ toasts, label, closeLabel }: ToastViewProps) {
  const all = useSyncExternalStore(toasts.subscribe, toasts.get);
  return (
    <section className="ui-toasts" aria-label={label} aria-live="polite" aria-relevant="additions">
      {all.map((toast) => (
        <ToastLine key={toast.id} toast={toast} toasts={toasts} closeLabel={closeLabel} />
      ))}
    </section>
  );
}

interface ToastLineProps {
  readonly toast: Toast;
  readonly toasts: Toasts;
  readonly closeLabel: string;
}

function ToastLine({ toast, toasts, closeLabel }: ToastLineProps) {
  const [held, setHeld] = useState(false);
  const element = useRef<HTMLDivElement>(null);
  const { action, id } = toast;

  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => toasts.close(id), STAY);
    return () => clearTimeout(timer);
  }, [held, id, toasts]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only looks whether somebody is reading
    <div
      ref={element}
      className={`ui-toast ui-toast--${toast.tone}`}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <p>{toast.text}</p>
      {action && (
        <Button
          size="small"
          onClick={() => {
            toasts.close(id);
            action.run();
          }}
        >
          {action.label}
        </Button>
      )}
      <IconButton
        size="small"
        label={closeLabel}
        icon={<X aria-hidden />}
        onClick={() => toasts.close(id)}
      />
    </div>
  );
}

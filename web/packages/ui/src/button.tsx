import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: "plain" | "primary" | "quiet" | "danger";
  readonly size?: "normal" | "small";
  readonly busy?: boolean;
  readonly icon?: ReactNode;
  readonly ref?: Ref<HTMLButtonElement>;
}

/** A button; `busy` shows that its action runs and keeps it from starting twice. */
export function Button(props: ButtonProps) {
  const { look = "plain", size = "normal", busy = false, icon, children, ...rest } = props;
  const { className = "", onClick, type = "button", ...others } = rest;
  const names = ["ui-button", `ui-button--${look}`];
  if (size === "small") names.push("ui-button--small");
  if (children === undefined) names.push("ui-button--icon");
  return (
    <button
      {...others}
      type={type}
      className={`${names.join(" ")} ${className}`}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {busy ? <span className="ui-spinner" /> : icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonProps, "children" | "icon"> {
  readonly label: string;
  readonly icon: ReactNode;
}

/** A button with a picture only: its label is read out and shown on hover. */
export function IconButton({ label, look = "quiet", ...rest }: IconButtonProps) {
  return <Button look={look} aria-label={label} title={label} {...rest} />;
}

interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly {
    readonly value: T;
    readonly label: string;
    readonly icon?: ReactNode;
  }[];
  readonly onChange: (value: T) => void;
}

/** A choice of one among a few, all of them in sight. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  return (
    <fieldset className="ui-segments" aria-label={label} style={{ border: 0, margin: 0 }}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.icon}
          <span>{option.label}</span>
        </button>
      ))}
    </fieldset>
  );
}

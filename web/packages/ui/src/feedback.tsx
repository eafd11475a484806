import type { ReactNode } from "react";

interface EmptyProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
}

/** What stands where there is nothing: why, and what to do about it. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div className="ui-empty">
      {icon}
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** A grey shape in place of what is still to come; `height` in CSS units. */
export function Skeleton({
  height,
  width = "100%",
}: {
  readonly height: string;
  readonly width?: string;
}) {
  return <div className="ui-skeleton" aria-hidden style={{ height, width }} />;
}

interface BannerProps {
  readonly icon?: ReactNode;
  readonly tone?: "warning" | "danger";
  readonly children: ReactNode;
}

/** A line across the page about the state of things; read out politely. */
export function Banner({ icon, tone = "warning", children }: BannerProps) {
  return (
    <div className={`ui-banner ui-banner--${tone}`} role="status">
      {icon}
      {children}
    </div>
  );
}

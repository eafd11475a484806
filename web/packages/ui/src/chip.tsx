import type { ReactNode } from "react";

/** A word in a pill. */
export function Chip({
  children,
  title,
}: {
  readonly children: ReactNode;
  readonly title?: string;
}) {
  return (
    <span className="ui-chip" title={title}>
      {children}
    </span>
  );
}

/** A point of colour; a CSS colour. It says nothing alone: words stand beside it. */
export function Dot({ colour }: { readonly colour: string }) {
  return <span className="ui-dot" aria-hidden style={{ background: colour }} />;
}

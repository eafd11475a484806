import { ChevronDown, ChevronsUp, ChevronUp, Equal } from "lucide-react";
import type { Priority } from "../../api/types";
import { useWords } from "../../i18n";

const ICONS = { low: ChevronDown, medium: Equal, high: ChevronUp, critical: ChevronsUp } as const;

/** A priority as shape, colour and word. */
export function PriorityMark({ priority }: { readonly priority: Priority }) {
  const { t } = useWords();
  const Icon = ICONS[priority];
  return (
    <span className={`priority priority--${priority}`}>
      <Icon aria-hidden />
      {t(`priority.${priority}`)}
    </span>
  );
}

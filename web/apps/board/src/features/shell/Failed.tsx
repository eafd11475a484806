import { Button, Empty } from "@stackyard/ui";
import { PlugZap } from "lucide-react";
import { useWords } from "../../i18n";

/** In place of the whole page, where it cannot even start. */
export function Failed({ reason }: { readonly reason: string }) {
  const { t } = useWords();
  return (
    <main className="failed">
      <Empty icon={<PlugZap aria-hidden />} title={t("app.failed")}>
        <p>{t("app.failed.note", { reason })}</p>
        <Button look="primary" onClick={() => window.location.reload()}>
          {t("app.retry")}
        </Button>
      </Empty>
    </main>
  );
}

import { Button, Empty } from "@stackyard/ui";
import { GitBranch } from "lucide-react";
import { useWords } from "../../i18n";
import { changeView } from "../../state/use-view";

/** In place of the board, where the address names a branch that is not there. */
export function UnknownBranch({ name }: { readonly name: string }) {
  const { t } = useWords();
  return (
    <main id="main" className="main" tabIndex={-1}>
      <Empty icon={<GitBranch aria-hidden />} title={t("branch.unknown", { name })}>
        <p>{t("branch.unknown.note")}</p>
        <Button look="primary" onClick={() => changeView({ branch: undefined })}>
          {t("branch.back")}
        </Button>
      </Empty>
    </main>
  );
}

import { Button } from "@stackyard/ui";
import { GitBranch } from "lucide-react";
import { useBranches } from "../../data/hooks";
import { useWords } from "../../i18n";
import { useApp } from "../../state/app";

/** Says which branch of the database the board shows, and opens the list of them. */
export function BranchButton({ branch }: { readonly branch: string | undefined }) {
  const { t } = useWords();
  const { dialog } = useApp();
  const { data } = useBranches();
  const own = data?.find(({ is_current }) => is_current)?.name ?? "main";
  const name = branch ?? own;
  return (
    <Button
      size="small"
      className={`branch ${name === own ? "" : "branch--other"}`}
      icon={<GitBranch aria-hidden />}
      aria-label={t("branch.label", { name })}
      title={t("branch.label", { name })}
      onClick={() => dialog.set({ kind: "branches" })}
    >
      <span>{name}</span>
    </Button>
  );
}

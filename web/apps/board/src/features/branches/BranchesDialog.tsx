import "./branches.css";
import { Empty, IconButton, Skeleton } from "@stackyard/ui";
import { Dialog } from "@stackyard/ui/dialog";
import { Check, DatabaseZap, GitBranch, GitCompare, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Branch } from "../../api/types";
import { useBranches } from "../../data/hooks";
import { useWords } from "../../i18n";
import { useApp, useMay } from "../../state/app";
import { changeView } from "../../state/use-view";
import { ConfirmDialog } from "../shell/ConfirmDialog";
import { BranchForm } from "./BranchForm";
import { useBranchActions } from "./use-branch-actions";

interface BranchesDialogProps {
  readonly branch: string | undefined;
  readonly onClose: () => void;
}

type Question = { readonly about: "reset" | "delete"; readonly branch: Branch };

export default function BranchesDialog({ branch, onClose }: BranchesDialogProps) {
  const { t } = useWords();
  const { data, error, isPending } = useBranches();
  const actions = useBranchActions();
  const admin = useMay("admin");
  const [question, setQuestion] = useState<Question>();
  const current = branch ?? data?.find(({ is_current }) => is_current)?.name;
  return (
    <>
      <Dialog
        title={t("branch.title")}
        note={t("branch.note")}
        closeLabel={t("action.close")}
        onClose={onClose}
      >
        {isPending && <Skeleton height="7rem" />}
        {error && (
          <Empty icon={<DatabaseZap aria-hidden />} title={t("branch.unsupported")}>
            <p>{error.message}</p>
          </Empty>
        )}
        {data && (
          <>
            <ul className="branches">
              {data.map((one) => (
                <BranchRow
                  key={one.name}
                  branch={one}
                  current={one.name === current}
                  changeable={admin}
                  onSwitch={() => {
                    changeView({ branch: one.is_current ? undefined : one.name, item: undefined });
                    onClose();
                  }}
                  onAsk={(about) => setQuestion({ about, branch: one })}
                />
              ))}
            </ul>
            {admin ? (
              <BranchForm branches={data} current={current} actions={actions} onDone={onClose} />
            ) : (
              <p className="branches__note">{t("session.branches.note")}</p>
            )}
          </>
        )}
      </Dialog>
      {question && (
        <BranchQuestion
          question={question}
          current={current}
          actions={actions}
          onClose={() => setQuestion(undefined)}
        />
      )}
    </>
  );
}

interface BranchRowProps {
  readonly branch: Branch;
  readonly current: boolean;
  readonly changeable: boolean;
  readonly onSwitch: () => void;
  readonly onAsk: (about: Question["about"]) => void;
}

function BranchRow({ branch, current, changeable, onSwitch, onAsk }: BranchRowProps) {
  const { t, date } = useWords();
  const { dialog } = useApp();
  const { name, parent } = branch;
  return (
    <li className="branch-row" data-branch={name} aria-current={current || undefined}>
      <button
        type="button"
        className="branch-row__name"
        title={current ? t("branch.current") : t("branch.switch", { name })}
        onClick={onSwitch}
      >
        {current ? <Check aria-hidden /> : <GitBranch aria-hidden />}
        <span>
          <strong>{name}</strong>
          <small>
            {parent === null ? t("branch.default") : t("branch.from", { parent })} ·{" "}
            {date(branch.created_at)}
          </small>
        </span>
      </button>
      {parent !== null && (
        <div className="branch-row__actions">
          <IconButton
            size="small"
            label={t("branch.compare", { name, parent })}
            icon={<GitCompare aria-hidden />}
            onClick={() => dialog.set({ kind: "diff", name, against: parent })}
          />
          {changeable && (
            <>
              <IconButton
                size="small"
                label={t("branch.reset", { name, parent })}
                icon={<RotateCcw aria-hidden />}
                onClick={() => onAsk("reset")}
              />
              <IconButton
                size="small"
                label={t("branch.delete", { name })}
                icon={<Trash2 aria-hidden />}
                onClick={() => onAsk("delete")}
              />
            </>
          )}
        </div>
      )}
    </li>
  );
}

interface BranchQuestionProps {
  readonly question: Question;
  readonly current: string | undefined;
  readonly actions: ReturnType<typeof useBranchActions>;
  readonly onClose: () => void;
}

function BranchQuestion({ question, current, actions, onClose }: BranchQuestionProps) {
  const { t } = useWords();
  const { name } = question.branch;
  const parent = question.branch.parent ?? "";
  const reset = question.about === "reset";
  return (
    <ConfirmDialog
      title={reset ? t("branch.reset.confirm", { name }) : t("branch.delete.confirm", { name })}
      note={reset ? t("branch.reset.note", { parent }) : t("branch.delete.note")}
      action={reset ? t("branch.reset.action") : t("action.delete")}
      onClose={onClose}
      onConfirm={async () => {
        await (reset ? actions.reset(name, parent) : actions.remove(name, name === current));
        onClose();
      }}
    />
  );
}

import { Button, Field } from "@stackyard/ui";
import { GitBranchPlus } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { Branch } from "../../api/types";
import { useWords } from "../../i18n";
import type { BranchActions } from "./use-branch-actions";

interface BranchFormProps {
  readonly branches: readonly Branch[];
  readonly current: string | undefined;
  readonly actions: BranchActions;
  readonly onDone: () => void;
}

/** Makes a branch of another and goes there. */
export function BranchForm({ branches, current, actions, onDone }: BranchFormProps) {
  const { t } = useWords();
  const [name, setName] = useState("");
  const [parent, setParent] = useState(current ?? branches[0]?.name ?? "");
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const failed = await actions.create(name.trim(), parent);
    setBusy(false);
    setFailure(failed);
    if (failed === undefined) onDone();
  };

  return (
    <form className="branch-form" noValidate onSubmit={(event) => void submit(event)}>
      <h3>{t("branch.new")}</h3>
      <Field label={t("branch.name")} error={failure}>
        {(control) => (
          <input
            {...control}
            className="ui-input"
            value={name}
            maxLength={100}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label={t("branch.parent")}>
        {(control) => (
          <select
            {...control}
            className="ui-select"
            value={parent}
            onChange={(event) => setParent(event.target.value)}
          >
            {branches.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Button type="submit" look="primary" busy={busy} icon={<GitBranchPlus aria-hidden />}>
        {t("branch.create")}
      </Button>
    </form>
  );
}

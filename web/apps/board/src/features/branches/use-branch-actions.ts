import { useMemo } from "react";
import { ApiError, UnreachableError } from "../../api/http";
import { keys } from "../../data/cache";
import { useWords } from "../../i18n";
import { useApp } from "../../state/app";
import { changeView } from "../../state/use-view";

export interface BranchActions {
  /** Create a branch and go there; an error where that failed. */
  readonly create: (name: string, parent: string) => Promise<string | undefined>;
  readonly reset: (name: string, parent: string) => Promise<void>;
  readonly remove: (name: string, shown: boolean) => Promise<void>;
}

export function useBranchActions(): BranchActions {
  const { workspace, toasts } = useApp();
  const { t } = useWords();
  return useMemo(() => {
    const { api, client } = workspace;
    const attempt = async (call: () => Promise<unknown>): Promise<string | undefined> => {
      try {
        await call();
        return undefined;
      } catch (error) {
        if (!(error instanceof ApiError || error instanceof UnreachableError)) throw error;
        const fields = error instanceof ApiError ? error.fields : [];
        return fields.map(({ message }) => message).join(" ") || error.message;
      } finally {
        await client.invalidateQueries({ queryKey: keys.branches });
      }
    };
    const tell = (failure: string | undefined, done: string) =>
      toasts.show(failure ?? done, { tone: failure ? "error" : "plain" });

    return {
      create: async (name, parent) => {
        const failure = await attempt(() => api.createBranch(name, parent));
        if (failure === undefined) {
          changeView({ branch: name, item: undefined });
          toasts.show(t("branch.created", { name }));
        }
        return failure;
      },
      reset: async (name, parent) => {
        const failure = await attempt(() => api.resetBranch(name));
        client.removeQueries({ queryKey: ["diff"] });
        workspace.reload(name);
        tell(failure, t("branch.reset.done", { name, parent }));
      },
      remove: async (name, shown) => {
        const failure = await attempt(() => api.deleteBranch(name));
        if (failure === undefined && shown) changeView({ branch: undefined, item: undefined });
        tell(failure, t("branch.delete.done", { name }));
      },
    };
  }, [workspace, toasts, t]);
}

import { useMemo } from "react";
import { ApiError, UnreachableError } from "../../api/http";
import type { Category } from "../../api/types";
import type { CategoryFields } from "../../api/workspace";
import { keys } from "../../data/cache";
import { useWords } from "../../i18n";
import { useApp } from "../../state/app";

/** What a form learns of a call: nothing when it went well, else what to show. */
export type Failure = ApiError | UnreachableError | undefined;

export interface CategoryActions {
  readonly create: (fields: CategoryFields) => Promise<Failure>;
  readonly update: (name: string, fields: Partial<CategoryFields>) => Promise<Failure>;
  readonly change: (name: string, fields: Partial<CategoryFields>) => Promise<void>;
  readonly reorder: (names: readonly string[]) => Promise<void>;
  readonly remove: (category: Category) => Promise<void>;
}

/** Changes to categories. They are rare and go straight to the API, not through the outbox. */
export function useCategoryActions(branch: string | undefined): CategoryActions {
  const { workspace, toasts } = useApp();
  const { t } = useWords();
  return useMemo(() => {
    const { api, client } = workspace;
    const key = keys.categories(branch);
    const attempt = async (call: () => Promise<unknown>): Promise<Failure> => {
      try {
        await call();
        return undefined;
      } catch (error) {
        if (error instanceof ApiError || error instanceof UnreachableError) return error;
        throw error;
      } finally {
        await client.invalidateQueries({ queryKey: key });
      }
    };
    const orTell = async (call: () => Promise<unknown>) => {
      const failure = await attempt(call);
      if (failure) toasts.show(failure.message, { tone: "error" });
    };
    const show = (change: (all: readonly Category[]) => readonly Category[]) =>
      client.setQueryData<readonly Category[]>(key, (all) => all && change(all));

    return {
      create: (fields) => attempt(() => api.createCategory(branch, fields)),
      update: (name, fields) => attempt(() => api.changeCategory(branch, name, fields)),
      change: (name, fields) => {
        show((all) => all.map((one) => (one.name === name ? { ...one, ...fields } : one)));
        return orTell(() => api.changeCategory(branch, name, fields));
      },
      reorder: (names) => {
        show((all) => names.flatMap((name) => all.find((one) => one.name === name) ?? []));
        return orTell(() => api.reorderCategories(branch, names));
      },
      remove: async ({ name, display_name }) => {
        const failure = await attempt(() => api.deleteCategory(branch, name));
        const text = failure
          ? t("done.refused", { title: display_name, message: failure.message })
          : t("done.deleted", { title: display_name });
        toasts.show(text, { tone: failure ? "error" : "plain" });
      },
    };
  }, [workspace, toasts, t, branch]);
}

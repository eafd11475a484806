import { menuParts, popoverParts, ToastView } from "@stackyard/ui";
import { lazy, Suspense, useEffect } from "react";
import type { ApiError } from "../../api/http";
import { useBranches, useCategories } from "../../data/hooks";
import { useWords } from "../../i18n";
import { useApp } from "../../state/app";
import { useView } from "../../state/use-view";
import { Board } from "../board/Board";
import { UnknownBranch } from "../branches/UnknownBranch";
import { FilterBar } from "../filters/FilterBar";
import { SignIn } from "../session/SignIn";
import { Dialogs } from "./Dialogs";
import { Header } from "./Header";
import { StateBanners } from "./StateBanners";
import { useShortcuts } from "./use-shortcuts";

const TableView = lazy(() => import("../table/TableView"));

/** The page: who you are looking at, what of it, and the thing itself. */
export function Shell() {
  const { t } = useWords();
  const { workspace, toasts } = useApp();
  const view = useView();
  const categories = useCategories(view.branch);
  const unknown = useUnknownBranch(view.branch);
  useShortcuts();
  useRefusals();
  useEffect(loadWhenIdle, []);
  useEffect(
    () => (unknown ? undefined : workspace.follow(view.branch)),
    [workspace, view.branch, unknown],
  );
  useEffect(() => {
    document.title = view.branch ? `${t("app.title")} · ${view.branch}` : t("app.title");
  }, [t, view.branch]);

  return (
    <div className="shell">
      <button type="button" className="skip" onClick={focusMain}>
        {t("app.skip")}
      </button>
      <Header view={view} />
      <StateBanners branch={view.branch} />
      <SignIn />
      {unknown && view.branch !== undefined ? (
        <UnknownBranch name={view.branch} />
      ) : (
        <main id="main" className="main" tabIndex={-1}>
          <FilterBar view={view} categories={categories} />
          {view.kind === "board" ? (
            <Board key={view.branch ?? ""} view={view} categories={categories} />
          ) : (
            <Suspense>
              <TableView key={view.branch ?? ""} view={view} categories={categories} />
            </Suspense>
          )}
        </main>
      )}
      <Dialogs view={view} categories={categories} />
      <ToastView toasts={toasts} label={t("toasts.label")} closeLabel={t("action.dismiss")} />
    </div>
  );
}

/** Menus are at hand before somebody opens one, and without the network. */
function loadWhenIdle(): void {
  const load = () => void Promise.all([menuParts.load(), popoverParts.load()]).catch(() => {});
  if ("requestIdleCallback" in window) window.requestIdleCallback(load, { timeout: 5000 });
  else setTimeout(load, 2000); // Safari
}

/** A button, since a link's address would be taken for a view. */
function focusMain() {
  document.getElementById("main")?.focus();
}

/** Whether the address names a branch that the API does not know. */
function useUnknownBranch(branch: string | undefined): boolean {
  const { data } = useBranches();
  return branch !== undefined && data !== undefined && !data.some(({ name }) => name === branch);
}

/** Tell of edits that were refused when nobody waited for their answer any more. */
function useRefusals() {
  const { workspace, toasts } = useApp();
  const { t } = useWords();
  useEffect(() => {
    workspace.events = {
      refused: (edit, error: ApiError) => {
        const details = error.fields.map((field) => field.message).join(" ");
        const message = details || error.message;
        toasts.show(t("done.refused", { title: edit.base.title, message }), { tone: "error" });
      },
    };
  }, [workspace, toasts, t]);
}

import { Banner, Button } from "@stackyard/ui";
import { CloudOff, GitCompareArrows } from "lucide-react";
import { useEffect, useRef } from "react";
import { useWords } from "../../i18n";
import { useApp, useStore } from "../../state/app";

/** Lines about what stands between the page and the API: no answer, or two versions. */
export function StateBanners({ branch }: { readonly branch: string | undefined }) {
  const { t, n } = useWords();
  const { workspace, toasts, dialog } = useApp();
  const edits = useStore(workspace.outbox.edits);
  const reachable = useStore(workspace.reachable);
  const conflicts = edits.filter((edit) => edit.conflict && edit.branch === branch).length;
  const waiting = edits.filter((edit) => !edit.conflict).length;

  const waited = useRef(false);
  useEffect(() => {
    if (!reachable && waiting > 0) waited.current = true;
    if (reachable && waiting === 0 && waited.current) {
      waited.current = false;
      toasts.show(t("offline.back"));
    }
  }, [reachable, waiting, toasts, t]);

  return (
    <>
      {!reachable && (
        <Banner icon={<CloudOff aria-hidden />}>
          <span>{t("offline.banner")}</span>
          {waiting > 0 && <strong>{n("offline.waiting", waiting)}</strong>}
          <Button size="small" onClick={() => workspace.retry()}>
            {t("offline.retry")}
          </Button>
        </Banner>
      )}
      {conflicts > 0 && (
        <Banner tone="danger" icon={<GitCompareArrows aria-hidden />}>
          <span>{n("conflict.banner", conflicts)}</span>
          <Button size="small" onClick={() => dialog.set({ kind: "conflicts" })}>
            {t("conflict.review")}
          </Button>
        </Banner>
      )}
    </>
  );
}

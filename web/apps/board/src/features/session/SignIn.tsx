import { Banner, Button } from "@stackyard/ui";
import { KeyRound } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useWords } from "../../i18n";
import { useApp, useStore } from "../../state/app";

const SignInDialog = lazy(() => import("./SignInDialog"));

/** Asks who is there when the API does; whoever closes the question finds it in a banner. */
export function SignIn() {
  const { workspace } = useApp();
  const state = useStore(workspace.session.state);
  return state.kind === "wanted" ? <Wanted wanted={state.wanted} reason={state.reason} /> : null;
}

interface WantedProps {
  readonly wanted: "key" | "token";
  readonly reason: string | undefined;
}

function Wanted({ wanted, reason }: WantedProps) {
  const { t, n } = useWords();
  const { workspace } = useApp();
  const waiting = useStore(workspace.outbox.edits).length;
  const [open, setOpen] = useState(true);
  return (
    <>
      <Banner icon={<KeyRound aria-hidden />}>
        <span>{reason ? t("session.refused", { message: reason }) : t("session.banner")}</span>
        {waiting > 0 && <strong>{n("offline.waiting", waiting)}</strong>}
        <Button size="small" onClick={() => setOpen(true)}>
          {t("session.signIn")}
        </Button>
      </Banner>
      {open && (
        <Suspense>
          <SignInDialog wanted={wanted} reason={reason} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}

import "@stackyard/ui/styles.css";
import "./features/board/board.css";
import "./features/shell/shell.css";
import { applyTheme } from "@stackyard/ui";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { readConfig } from "./config";
import { Workspace } from "./data/workspace";
import { Failed } from "./features/shell/Failed";
import { Shell } from "./features/shell/Shell";
import { WordsProvider } from "./i18n";
import { AppProvider, newApp } from "./state/app";
import { ROUTE } from "./state/url";

applyTheme();
if (!window.location.hash.startsWith(ROUTE)) window.history.replaceState(null, "", ROUTE);

const root = createRoot(document.getElementById("root") as HTMLElement);

try {
  const { apiUrl } = await readConfig();
  const app = newApp(new Workspace(apiUrl));
  app.workspace.start();
  root.render(
    <StrictMode>
      <QueryClientProvider client={app.workspace.client}>
        <WordsProvider>
          <AppProvider app={app}>
            <Shell />
          </AppProvider>
        </WordsProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
} catch (error) {
  root.render(
    <WordsProvider>
      <Failed reason={error instanceof Error ? error.message : String(error)} />
    </WordsProvider>,
  );
}

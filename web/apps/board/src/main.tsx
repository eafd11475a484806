import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, startTransition } from "react";
import { createRoot } from "react-dom/client";
import { config } from "./config";
import { Workspace } from "./data/workspace";
import { Failed } from "./features/shell/Failed";
import { Shell } from "./features/shell/Shell";
import { WordsProvider } from "./i18n";
import { AppProvider, newApp } from "./state/app";

const root = createRoot(document.getElementById("root") as HTMLElement);

try {
  const { apiUrl } = await config;
  const app = newApp(new Workspace(apiUrl));
  app.workspace.start();
  // As a transition, it is rendered in slices between which the browser can do other things.
  startTransition(() =>
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
    ),
  );
} catch (error) {
  root.render(
    <WordsProvider>
      <Failed reason={error instanceof Error ? error.message : String(error)} />
    </WordsProvider>,
  );
}

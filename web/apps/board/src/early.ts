/**
 * What the browser runs first, and all that it has to load before it asks for data: the
 * theme, the settings, the requests of the first view. The program follows meanwhile.
 */

import "@stackyard/ui/styles.css";
import "./features/board/board.css";
import "./features/shell/shell.css";
import { applyTheme } from "@stackyard/ui/theme-choice";
import { readCredentials } from "./api/credentials";
import { beginRequests, firstPaths } from "./api/first-requests";
import { config } from "./config";
import { parseView, ROUTE } from "./state/url";

applyTheme();
if (!window.location.hash.startsWith(ROUTE)) window.history.replaceState(null, "", ROUTE);
const paths = firstPaths(parseView(window.location.hash));
// Why there are no settings the program says, where it reads them.
config.then(
  ({ apiUrl }) => beginRequests(`${apiUrl}/api/v1`, paths, readCredentials(apiUrl)?.secret),
  () => {},
);
// One after the other, each in a task of its own: none of them keeps the page from answering.
void import("react-dom/client").then(() => import("./main"));

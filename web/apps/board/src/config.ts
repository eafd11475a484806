/** What the page is told when it starts, from config.json beside it. */

export interface Config {
  /** Where a browser reaches the workspace API, such as http://localhost:3200. */
  readonly apiUrl: string;
}

/** Read once, when the page begins. */
export const config: Promise<Config> = readConfig();

async function readConfig(): Promise<Config> {
  const response = await fetch("config.json");
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const told = (await response.json()) as { readonly api_url?: unknown };
  if (typeof told.api_url !== "string") throw new Error("api_url is missing");
  return { apiUrl: told.api_url.replace(/\/+$/, "") };
}

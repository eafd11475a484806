import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Beside every text file its compressed forms, so that serving one costs nothing. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    // From the disk: what a bundle holds before it is written is not its last word.
    writeBundle({ dir = "" }) {
      for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|css|html|svg)$/.test(name)) continue;
        const bytes = readFileSync(join(dir, name));
        const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(bytes, options));
        writeFileSync(join(dir, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

/**
 * The program beside the first script, so that the browser fetches both at once; after the
 * styles, since without those nothing is seen.
 */
function programPreloaded(): Plugin {
  return {
    name: "program-preloaded",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle = {}, chunk }) {
        const importsOf = (file: string) => {
          const found = bundle[file];
          return found?.type === "chunk" ? [file, ...found.imports] : [];
        };
        const known = new Set(chunk?.imports);
        const files = new Set(chunk?.dynamicImports.flatMap(importsOf));
        return [...files]
          .filter((file) => !known.has(file))
          .map((file) => ({
            tag: "link",
            attrs: {
              rel: "modulepreload",
              crossorigin: true,
              fetchpriority: "low",
              href: `./${file}`,
            },
            injectTo: "head" as const,
          }));
      },
    },
  };
}

/** What dialogs, menus and popovers are made of. */
const LAYERS =
  /@radix-ui|floating-ui|aria-hidden|react-remove-scroll|react-style-singleton|use-sidecar|use-callback-ref/;

/** What runs before the program is there. */
const EARLY =
  /preload-helper|src\/(config|theme-choice|api\/(first-requests|types)|data\/(query|position)|state\/url)\.ts/;

/** Whether a module may be part of the first load: none that only dialogs and menus use. */
function shared(id: string): boolean {
  const dialogs = /\.css|dialog|item-form|markdown|remark|micromark|mdast|unist|hast/i;
  return !LAYERS.test(id) && !EARLY.test(id) && !dialogs.test(id);
}

/** While developing, what the service would answer. */
function developmentConfig(): Plugin {
  return {
    name: "development-config",
    apply: "serve",
    configureServer(server) {
      server.middlewares.use("/config.json", (_request, response) => {
        const file = new URL("config.json", import.meta.url);
        const text = existsSync(file) ? readFileSync(file) : '{"api_url":"http://localhost:3200"}';
        response.setHeader("content-type", "application/json");
        response.end(text);
      });
    },
  };
}

export default defineConfig({
  base: "./",
  logLevel: "warn",
  plugins: [react(), programPreloaded(), compressed(), developmentConfig()],
  server: { host: "127.0.0.1", port: 3103, strictPort: true },
  build: {
    target: "es2022",
    outDir: "../../../services/workspace_board/src/workspace_board/static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // a data: address would need a looser content security policy
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // What the board and its dialogs share, in one file instead of twenty.
        codeSplitting: {
          groups: [
            { name: "early", test: EARLY, priority: 3 },
            { name: "react", test: /node_modules\/(react|react-dom|scheduler)\//, priority: 4 },
            { name: "base", minShareCount: 2, test: shared, priority: 2 },
            { name: "layers", minShareCount: 2, test: LAYERS, priority: 1 },
          ],
        },
      },
    },
  },
});

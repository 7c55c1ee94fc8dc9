import * as fs from "node:fs";
import { join } from "node:path";
import type { PageParts } from "../../ui/graph-page.ts";
import { PACKAGE_ROOT } from "../session/root.ts";

export const pageTitle = (targets: readonly string[]): string =>
  targets.join(" ") === "."
    ? "Graph of everything"
    : `Graph of ${targets.join(", ") || "the default targets"}`;

/** Script and style of a page, as `scripts/bundle.mjs` made them. */
export function pageParts(name: "graph" | "serve", packageRoot = PACKAGE_ROOT): PageParts {
  const script = webText(`${name}.js`, packageRoot);
  return { script, style: webText(`${name}-style.css`, packageRoot) };
}

/** The style of a page without a script. */
export const pageStyle = (name: "reproduction"): string =>
  webText(`${name}-style.css`, PACKAGE_ROOT);

const webText = (file: string, packageRoot: string): string =>
  fs.readFileSync(join(packageRoot, "dist/web", file), "utf8").trimEnd();

import type { FoundFile } from "aqm";
import {
  isPyObject,
  jsonReport,
  manifestGenerations,
  markdownGeneration,
  markdownReport,
  parsePythonJson,
  reportStyle,
  type Generation,
  type Manifest,
} from "aqm/analysis";

export interface ReportsBeside {
  readonly checks: readonly { readonly file: string; readonly says: string }[];
  /** Why a report beside the manifest cannot be made from the manifest; null when none contradicts it. */
  readonly problem: string | null;
}

/** Compares the reports in a manifest's folder with those that follow from the manifest. */
export function compareReports(
  manifestFile: FoundFile,
  manifest: Manifest,
  files: readonly FoundFile[],
): ReportsBeside {
  const folder = manifestFile.path.slice(0, manifestFile.path.lastIndexOf("/") + 1);
  const checks: { file: string; says: string }[] = [];
  for (const { path, text } of files) {
    const name = path.slice(folder.length);
    if (!path.startsWith(folder) || !/^[^/]*report\.|^per-layer-sensitivity\./.test(name)) continue;
    const json = name.endsWith(".json");
    if (!json && !name.endsWith(".md")) continue;
    if (!(json ? isJsonOf(manifest, text) : text.includes(`(${manifest.schemeName})`))) {
      checks.push({ file: name, says: "of another manifest" });
      continue;
    }
    const said = json ? compareJson(manifest, text) : compareMarkdown(manifest, text);
    if (said.problem !== null) return { checks, problem: `${name} beside it ${said.problem}` };
    checks.push({ file: name, says: said.says });
  }
  return { checks, problem: null };
}

interface Said {
  readonly says: string;
  readonly problem: string | null;
}

function isJsonOf(manifest: Manifest, text: string): boolean {
  const report = parsePythonJson(text);
  if (!report.ok || !isPyObject(report.value)) return true; // said below
  const scheme = report.value.get("scheme");
  return isPyObject(scheme) && scheme.get("name") === manifest.schemeName;
}

function compareJson(manifest: Manifest, text: string): Said {
  if (jsonReport(manifest) === text) return fine("verified: the same bytes come out");
  const earlier = earlierStyle(manifest, (style) => jsonReport(manifest, style) === text);
  return earlier === undefined
    ? { says: "", problem: "is not what comes out of the manifest" }
    : fine(`verified: the same bytes come out as generation ${earlier} wrote them`);
}

function compareMarkdown(manifest: Manifest, text: string): Said {
  const generation = markdownGeneration(text);
  const possible = manifestGenerations(manifest);
  if (generation === null || !possible.includes(generation)) {
    const found = generation === null ? "no known generation" : `generation ${generation}`;
    const problem = `is of ${found}, the manifest of ${possible.join(" or ")}: they are mixed`;
    return { says: "", problem };
  }
  const published = figuresOf(text);
  if (published === figuresOf(markdownReport(manifest, reportStyle(generation)))) {
    const today = published === figuresOf(markdownReport(manifest));
    const as = today ? "" : ` as generation ${generation} wrote them`;
    return fine(`verified: the same header values and rows come out${as}`);
  }
  return { says: "", problem: "has other figures than come out of the manifest" };
}

const earlierStyle = (
  manifest: Manifest,
  fits: (style: ReturnType<typeof reportStyle>) => boolean,
): Generation | undefined =>
  manifestGenerations(manifest).find((generation) => fits(reportStyle(generation)));

const fine = (says: string): Said => ({ says, problem: null });

/** Header values and table rows, without the text around them. */
const figuresOf = (markdown: string): string =>
  markdown
    .split("\n")
    .filter((line) => line.startsWith("|") || /^(?:- )?\*\*[^*]+:\*\* /.test(line))
    .join("\n");

import type { AdoptionCall, AdoptionFinding, FoundFile } from "aqm";
import {
  checkFigures,
  readManifest,
  scoresFromManifest,
  type AnalysisFailure,
  type Manifest,
} from "aqm/analysis";
import {
  comparePublished,
  isContradicted,
  needsWord,
  unknownOf,
  type Comparison,
} from "./comparison.ts";
import { declaredRuns, type DeclaredRun } from "./declared-run.ts";
import { compareReports } from "./reports-beside.ts";

/** Manifests and reports of sensitivity analyses, under the names that they were published with. */
export const patterns = [
  "**/*_quant_manifest.json",
  "**/per-layer-sensitivity.*",
  "**/layer-sensitivity-report.*",
];

/** One finding for each manifest. */
export function adopt({ files, actions }: AdoptionCall): readonly AdoptionFinding[] {
  const runs = declaredRuns(actions);
  const manifests = files.filter(({ path }) => path.endsWith("_quant_manifest.json"));
  return manifests.map((file) => findingOf(file, files, runs));
}

function findingOf(
  file: FoundFile,
  files: readonly FoundFile[],
  runs: readonly DeclaredRun[],
): AdoptionFinding {
  const manifest = readManifest(file.text);
  if (!manifest.ok) return refused(file, manifest.error);
  const whole = checkFigures(manifest.value);
  if (!whole.ok) return refused(file, whole.error);
  const target = targetOf(file, manifest.value, runs);
  if ("kind" in target) return target;
  const { run, compared } = target;
  const reports = compareReports(file, manifest.value, files);
  if (reports.problem !== null) {
    return { ...refusal(file, reports.problem), nextStep: "Keep reports with their manifest." };
  }
  const from = { from: nameOf(file), digest: file.digest };
  const scores = scoresFromManifest(manifest.value, run.scope, from);
  if (!scores.ok) return refused(file, scores.error);
  return {
    kind: "candidate",
    file: file.path,
    results: [
      { target: run.scoresTarget, outputs: { scores: scores.value } },
      { target: run.manifestTarget, outputs: { manifest: file.text } },
    ],
    grade: "consistent",
    unknown: unknownOf(run, compared),
    contradictions: compared.flatMap((field) => (needsWord(field) ? [shown(field)] : [])),
    checks: reports.checks,
  };
}

/** The declared run that a manifest is of, by everything that tells runs apart. */
function targetOf(
  file: FoundFile,
  manifest: Manifest,
  runs: readonly DeclaredRun[],
): { readonly run: DeclaredRun; readonly compared: readonly Comparison[] } | AdoptionFinding {
  const models = [...new Set(runs.map((run) => run.manifest.model_id))];
  const compared = runs.map((run) => ({
    run,
    compared: comparePublished(run, manifest, file.path, models),
  }));
  const wrongs = ({ compared: fields }: (typeof compared)[number]): readonly Comparison[] =>
    fields.filter((field) => field.identity && isContradicted(field));
  const fitting = compared.filter((one) => wrongs(one).length === 0);
  const [first, second] = fitting;
  if (first !== undefined && second === undefined) return first;
  if (first !== undefined) {
    const open = first.compared.filter((field) => field.identity && field.found === undefined);
    const message = `it could be any of ${fitting.length} declared runs, because nothing says its ${open.map(({ field }) => field).join(" or ")}`;
    return {
      ...refusal(file, message),
      nextStep: "Put it into a folder that is named like its run, or name the target as well.",
    };
  }
  const names = [...new Set(runs.flatMap((run) => run.models))];
  const [nearest] = [...compared].sort((a, b) => wrongs(a).length - wrongs(b).length);
  return {
    ...refusal(file, "no declared run is of this model, format, scope and size"),
    unmatched: true,
    nextStep: `Declare it in the Aqmfile, or look whether its fields are those of a declared run. Models are known as ${names.join(", ")}.`,
    contradictions: nearest === undefined ? [] : wrongs(nearest).map(shown),
  };
}

const shown = ({ field, declared, found }: Comparison) => ({
  field,
  declared,
  found: found ?? null,
});

const nameOf = ({ path }: FoundFile): string => path.slice(path.lastIndexOf("/") + 1);

const refusal = (file: FoundFile, message: string) => ({
  kind: "refusal" as const,
  file: file.path,
  message,
  contradictions: [],
});

const refused = (file: FoundFile, { message, reason }: AnalysisFailure): AdoptionFinding => ({
  ...refusal(file, message),
  nextStep: `Get the original again (${reason}).`,
});

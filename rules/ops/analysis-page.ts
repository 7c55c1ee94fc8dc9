import type { OpCall, OpFailure, OpOutputs, Provenance, Result } from "aqm";
import { readManifest } from "aqm/analysis/manifest/read-manifest.ts";
import { readScores } from "aqm/analysis/scores/read-scores.ts";
import type { PairQuantizers } from "aqm/analysis";
import {
  analysisPage,
  type PageAnalysis,
  type PageSource,
  type SkippedPair,
} from "aqm/analysis/pages";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { measurementIn, provenanceIn } from "../translate/measurement.ts";

export const version = 1;

export interface PageParams {
  readonly title: string;
  readonly subtitle: string;
  /** The inputs of each are `manifest_<name>`, `scores_<name>` and `record_<name>`. */
  readonly analyses: readonly { readonly name: string; readonly quantizers: PairQuantizers }[];
  /** Pairs that are not on the page; absent where there are none. */
  readonly skipped?: readonly SkippedPair[];
  readonly links: readonly { readonly text: string; readonly href: string }[];
  /** Scope and calibration subset of all analyses; absent where a scheme cannot have their scores. */
  readonly settings?: { readonly scope: string; readonly size: string };
  /** Only where it is false: no server was tried with a model of this kind. */
  readonly served?: false;
}

/** Manifests and the scores behind them → one HTML page, and its pictures. */
export function run({
  params: { title, subtitle, analyses, skipped = [], links, settings, served },
  inputs,
}: OpCall<PageParams, string>): Result<
  OpOutputs<"page" | "heatmap" | "depth" | "frontier">,
  OpFailure
> {
  const read: PageAnalysis[] = [];
  const records: (Provenance | null)[] = [];
  for (const { name, quantizers } of analyses) {
    const [manifestInput, scoresInput] = [inputs[`manifest_${name}`], inputs[`scores_${name}`]];
    if (manifestInput === undefined || scoresInput === undefined) {
      return err({ reason: "bad_request", message: `${name} has no manifest or no scores` });
    }
    const manifest = readManifest(manifestInput.text());
    if (!manifest.ok) return err(failed(manifest.error, manifestInput.path));
    const scores = readScores(scoresInput.text());
    if (!scores.ok) return err(failed(scores.error, scoresInput.path));
    const record = provenanceIn(inputs[`record_${name}`]);
    records.push(record);
    const measurement = measurementIn(record);
    read.push({
      ...{ name, manifest: manifest.value, scores: scores.value, measurement, quantizers },
      ...(served === undefined ? {} : { served }),
    });
  }
  const [first, ...others] = read;
  if (first === undefined) return err({ reason: "bad_request", message: "no analyses were given" });
  const sources = [...filesRead(inputs), ...filesBehind(records)];
  const known = settings === undefined ? {} : { settings };
  const subject = { title, subtitle, sources, links, skipped, ...known };
  const made = analysisPage(subject, [first, ...others]);
  if (!made.ok) return err(failed(made.error, first.name));
  const { page, heatmap, depth, frontier } = made.value;
  return ok({ page, heatmap, depth, frontier });
}

type Inputs = OpCall<PageParams, string>["inputs"];

const filesRead = (inputs: Inputs): readonly PageSource[] =>
  Object.entries(inputs)
    .filter(([role]) => !role.startsWith("record_"))
    .map(([role, { path, digest }]) => ({ what: role.replace("_", " "), path, digest: digest() }));

/** What the scores were measured with: checkpoint and data, once each. */
function filesBehind(records: readonly (Provenance | null)[]): readonly PageSource[] {
  const found = new Map<string, PageSource>();
  for (const record of records) {
    for (const [what, { path, digest }] of Object.entries(record?.inputs ?? {}))
      found.set(`${path} ${digest}`, { what, path, digest });
  }
  return [...found.values()];
}

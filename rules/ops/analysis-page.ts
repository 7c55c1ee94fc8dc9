import { err, ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
import { readManifest, readScores } from "aqm/analysis";
import { analysisPage, type PageAnalysis } from "aqm/analysis/pages";
import { failed } from "./failed.ts";
import { measurementIn } from "./measurement.ts";

export const version = 1;

export interface PageParams {
  readonly title: string;
  readonly subtitle: string;
  /** Name of each analysis; its inputs are `manifest_<name>`, `scores_<name>` and `record_<name>`. */
  readonly analyses: readonly string[];
  readonly links: readonly { readonly text: string; readonly href: string }[];
}

/** Manifests and the scores behind them → one HTML page, and its pictures. */
export function run({
  params: { title, subtitle, analyses, links },
  inputs,
}: OpCall<PageParams, string>): Result<
  OpOutputs<"page" | "heatmap" | "depth" | "frontier">,
  OpFailure
> {
  const read: PageAnalysis[] = [];
  for (const name of analyses) {
    const [manifestInput, scoresInput] = [inputs[`manifest_${name}`], inputs[`scores_${name}`]];
    if (manifestInput === undefined || scoresInput === undefined) {
      return err({ reason: "bad_request", message: `${name} has no manifest or no scores` });
    }
    const manifest = readManifest(manifestInput.text());
    if (!manifest.ok) return err(failed(manifest.failure, manifestInput.path));
    const scores = readScores(scoresInput.text());
    if (!scores.ok) return err(failed(scores.failure, scoresInput.path));
    const measurement = measurementIn(inputs[`record_${name}`]);
    read.push({ name, manifest: manifest.value, scores: scores.value, measurement });
  }
  const [first, ...others] = read;
  if (first === undefined) return err({ reason: "bad_request", message: "no analyses were given" });
  const sources = Object.entries(inputs)
    .filter(([role]) => !role.startsWith("record_"))
    .map(([role, { path, digest }]) => ({ what: role.replace("_", " "), path, digest: digest() }));
  const made = analysisPage({ title, subtitle, sources, links }, [first, ...others]);
  if (!made.ok) return err(failed(made.failure, first.name));
  const { page, heatmap, depth, frontier } = made.value;
  return ok({ page, heatmap, depth, frontier });
}

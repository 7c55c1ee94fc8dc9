import type { OpFailure, OpInput, Result } from "aqm";
import type { PairQuantizers, PlanCandidate } from "aqm/analysis";
import { readManifest } from "aqm/analysis/manifest/read-manifest.ts";
import { checkExercised } from "aqm/analysis/scores/check-exercised.ts";
import { readScores } from "aqm/analysis/scores/read-scores.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "./failed.ts";

/** A pair as ops get it; its inputs are `scores_<name>` and `manifest_<name>`. */
export interface CandidateParams {
  readonly name: string;
  readonly quantizers: PairQuantizers;
  readonly algorithm: "max" | null;
}

/**
 * Candidates with what was measured of them.
 *
 * @param prefix of the inputs' roles, where an op has scores of two engines
 * @param config named where there are no candidates
 */
export function candidatesIn(
  candidates: readonly CandidateParams[],
  inputs: Readonly<Record<string, OpInput>>,
  config: string,
  prefix = "",
): Result<readonly [PlanCandidate, ...PlanCandidate[]], OpFailure> {
  const read: PlanCandidate[] = [];
  for (const { name, quantizers, algorithm } of candidates) {
    const measured = inputs[`${prefix}scores_${name}`];
    const published = inputs[`${prefix}manifest_${name}`];
    if (measured === undefined || published === undefined) continue;
    const scores = readScores(measured.text());
    if (!scores.ok) return err(failed(scores.error, measured.path));
    const exercised = checkExercised(scores.value);
    if (!exercised.ok) return err(failed(exercised.error, measured.path));
    const manifest = readManifest(published.text());
    if (!manifest.ok) return err(failed(manifest.error, published.path));
    read.push({ name, quantizers, algorithm, scores: scores.value, manifest: manifest.value });
  }
  const [first, ...others] = read;
  if (first === undefined) {
    const message = `${config} has no candidates with scores.`;
    return err({ reason: "bad_request", message, nextStep: `Name some in ${config}.` });
  }
  return ok([first, ...others]);
}

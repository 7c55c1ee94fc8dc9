import type { OpFailure, OpInput, Result } from "aqm";
import type { PairQuantizers, Scores } from "aqm/analysis";
import { storedBits } from "aqm/analysis/formats/storage.ts";
import {
  alignedOpinions,
  type Opinion,
  type OpinionSource,
} from "aqm/analysis/engine-comparison/opinions.ts";
import { checkExercised } from "aqm/analysis/scores/check-exercised.ts";
import { readScores } from "aqm/analysis/scores/read-scores.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "./failed.ts";
import { given } from "./given.ts";

/** Whose scores are compared, as ops get it. */
export interface OpinionParams {
  readonly candidates: readonly { readonly name: string; readonly quantizers: PairQuantizers }[];
  readonly opinions: readonly { readonly engine: string; readonly draw: string }[];
}

/** Role of an engine's score document for a draw and a candidate. */
export const opinionRole = (engine: string, draw: string, candidate: string): string =>
  `scores_${engine}_${draw}_${candidate}`;

/** The opinions that an op was given, over one list of layer groups. */
export function opinionsIn(
  { candidates, opinions }: OpinionParams,
  inputs: Readonly<Record<string, OpInput>>,
  config: string,
): Result<readonly Opinion[], OpFailure> {
  const sources: OpinionSource[] = [];
  for (const { engine, draw } of opinions) {
    const scores: Scores[] = [];
    for (const { name } of candidates) {
      const input = given(inputs, opinionRole(engine, draw, name));
      if (!input.ok) return input;
      const read = readScores(input.value.text());
      if (!read.ok) return err(failed(read.error, input.value.path));
      const exercised = checkExercised(read.value);
      if (!exercised.ok) return err(failed(exercised.error, input.value.path));
      scores.push(read.value);
    }
    sources.push({ engine, draw, scores });
  }
  const shared = candidates.map(({ name, quantizers }) => ({
    name,
    bits: storedBits(quantizers.weight),
  }));
  const aligned = alignedOpinions(shared, sources);
  return aligned.ok ? ok(aligned.value) : err(failed(aligned.error, config));
}

import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { ExportFormat, SearchedChoice, SearchStart } from "aqm/analysis";
import { searchProblemJson } from "aqm/analysis/search/problem-json.ts";
import { searchProblem } from "aqm/analysis/search/search-problem.ts";
import { err, ok } from "aqm/model/result.ts";
import { aloneIn, problemFailed } from "../translate/alone-input.ts";
import type { CandidateParams } from "../translate/plan-candidates.ts";
import { storedProblem } from "../translate/stored-problem.ts";

export const version = 1;

export interface SearchProblemParams {
  /** Of the scheme, for messages. */
  readonly name: string;
  readonly lm_head: boolean;
  readonly choice: SearchedChoice;
  readonly starts: readonly SearchStart[];
  readonly exports: readonly ExportFormat[];
  /** In the order in which ties are decided; the inputs of each are `scores_<name>` and `manifest_<name>`. */
  readonly candidates: readonly CandidateParams[];
}

/** Tensors, scores, and what was measured of groups alone → what the op `measured_search` is given. */
export function run({
  params: { name, lm_head: lmHead, choice, starts, exports, candidates },
  inputs,
}: OpCall<SearchProblemParams, string>): Result<OpOutputs<"problem">, OpFailure> {
  const config = `conf/scheme/${name}.yaml`;
  const stored = storedProblem(candidates, inputs, config);
  if (!stored.ok) return stored;
  const alone = aloneIn(inputs);
  if (!alone.ok) return alone;
  const { tensors, problem } = stored.value;
  const made = searchProblem(
    problem,
    { tensors, candidates, exports },
    { choice, starts, lmHead },
    alone.value,
  );
  return made.ok
    ? ok({ problem: searchProblemJson(made.value) })
    : err(problemFailed(made.error, inputs, config));
}

import type { OpFailure, OpInput, Result } from "aqm";
import type { BitProblem, CheckpointTensors } from "aqm/analysis";
import { problemFromCandidates } from "aqm/analysis/bit-plan/plan-candidates.ts";
import { readCheckpointTensors } from "aqm/analysis/schemes/checkpoint-tensors.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "./failed.ts";
import { given } from "./given.ts";
import { candidatesIn, type CandidateParams } from "./plan-candidates.ts";

/**
 * The weights of a checkpoint, and the layer groups with scores of all candidates and stored bits: the inputs
 * `tensors`, `scores_<candidate>` and `manifest_<candidate>`.
 *
 * @param config named where the candidates do not go together
 */
export function storedProblem(
  candidates: readonly CandidateParams[],
  inputs: Readonly<Record<string, OpInput>>,
  config: string,
): Result<{ readonly tensors: CheckpointTensors; readonly problem: BitProblem }, OpFailure> {
  const listed = given(inputs, "tensors");
  if (!listed.ok) return listed;
  const tensors = readCheckpointTensors(listed.value.text());
  if (!tensors.ok) return err(failed(tensors.error, listed.value.path));
  const read = candidatesIn(candidates, inputs, config);
  if (!read.ok) return read;
  const problem = problemFromCandidates(read.value, "stored");
  if (!problem.ok) return err(failed(problem.error, config));
  return ok({ tensors: tensors.value, problem: problem.value });
}

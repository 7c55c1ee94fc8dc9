import type { OpFailure, OpInput, Result } from "aqm";
import type {
  BitProblem,
  CheckpointTensors,
  ExportFormat,
  FoundPlan,
  NamedPlan,
  SchemeChoice,
  SearchStart,
} from "aqm/analysis";
import { planBits } from "aqm/analysis/schemes/controls.ts";
import { foundPlan, startPlans } from "aqm/analysis/search/found-plan.ts";
import { searchProblem } from "aqm/analysis/search/search-problem.ts";
import { readSearchResult } from "aqm/analysis/search/search-result.ts";
import { err, ok } from "aqm/model/result.ts";
import { aloneIn, problemFailed } from "./alone-input.ts";
import { failed } from "./failed.ts";
import { given } from "./given.ts";
import type { CandidateParams } from "./plan-candidates.ts";

/** What a search by measurement found, and what exact solvers give beside it. */
export interface FoundScheme {
  readonly plan: FoundPlan;
  /** In the order of the groups that have a choice. */
  readonly starts: readonly NamedPlan[];
}

/** What makes the problem of a scheme. */
interface Searched {
  readonly name: string;
  readonly lm_head: boolean;
  readonly choice: SchemeChoice;
  readonly exports: readonly ExportFormat[];
  readonly candidates: readonly CandidateParams[];
}

/** The input `search`, held against the problem that the inputs make. */
export function foundIn(
  { name, lm_head: lmHead, choice, exports, candidates }: Searched,
  starts: readonly SearchStart[],
  inputs: Readonly<Record<string, OpInput>>,
  stored: BitProblem,
  tensors: CheckpointTensors,
): Result<FoundScheme, OpFailure> {
  const config = `conf/scheme/${name}.yaml`;
  if (!("bits" in choice || "gigabytes" in choice || "goal" in choice)) {
    const message = `${config} asks for a search, and its choice is none that is searched.`;
    return err({ reason: "bad_request", message, nextStep: "Leave search out." });
  }
  const alone = aloneIn(inputs);
  if (!alone.ok) return alone;
  const document = given(inputs, "search");
  if (!document.ok) return document;
  const result = readSearchResult(document.value.text());
  if (!result.ok) return err(failed(result.error, document.value.path));
  const problem = searchProblem(
    stored,
    { tensors, candidates, exports },
    { choice, starts, lmHead },
    alone.value,
  );
  if (!problem.ok) return err(problemFailed(problem.error, inputs, config));
  const names = new Set(problem.value.groups.map((group) => group.name));
  const open = { groups: stored.groups.filter((group) => names.has(group.name)) };
  const plan = foundPlan(problem.value, result.value, starts, (formats) =>
    planBits(open, { formats: open.groups.map((group) => formats.get(group.name) ?? "") }),
  );
  if (!plan.ok) {
    const isGoal = plan.error.reason === "goal_unmet";
    return err(failed(plan.error, isGoal ? config : document.value.path));
  }
  const begun = startPlans(problem.value, starts, result.value.found.cost);
  if (!begun.ok) return err(failed(begun.error, config));
  return ok({ plan: plan.value, starts: begun.value });
}

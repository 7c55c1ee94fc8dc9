import { failed, ok, type Analysed } from "../result/result.ts";
import { asModelOptSees, type NamedFormat } from "./modelopt-view.ts";
import { normaliseScores } from "./normalise.ts";
import type { BitCount } from "./plan-candidates.ts";
import type { PlanRequest } from "./plan-request.ts";
import type { BitProblem } from "../solve/problem.ts";

/**
 * Which choice a plan is. `exact`: the best one by the scores that were measured. `modelopt`: the one that
 * ModelOpt's search makes, with its order of formats and its lowering of scores (see `asModelOptSees`). Where
 * bits are charged both have the same score: a format whose score is lowered is no better than the one that
 * it is lowered to, which is no larger. So they differ only in which of equal plans they take.
 */
export type PlanSearch = "exact" | "modelopt";

/** `raw`: sums as measured. `normalised`: shares of the highest score there can be (see `normaliseScores`). */
export type ScoreUnit = "raw" | "normalised";

export interface PlanSettings {
  readonly search: PlanSearch;
  readonly scores: ScoreUnit;
  readonly count: BitCount;
}

export interface PlanProblem {
  /** With scores as measured, in the unit asked for. */
  readonly measured: BitProblem;
  /** What is searched. */
  readonly searched: BitProblem;
}

/**
 * The problem as the settings want it. Refused where ModelOpt's choice is asked for with something that its
 * search does not know: no plan would then be its choice.
 */
export function problemAsSet(
  problem: BitProblem,
  formats: readonly NamedFormat[],
  { search, scores, count }: PlanSettings,
  { rules, families }: Pick<PlanRequest, "rules" | "families">,
): Analysed<PlanProblem> {
  const measured = scores === "normalised" ? normaliseScores(problem) : problem;
  if (search === "exact") return ok({ measured, searched: measured });
  const unknown = [
    ...(count === "charged" ? [] : [`bits counted as ${count} (it knows only charged)`]),
    ...(rules.length === 0 ? [] : ["rules"]),
    ...(families.length === 0 ? [] : ["families"]),
  ];
  if (unknown.length > 0) {
    return failed(
      "constraint_unmet",
      "search",
      `ModelOpt's search takes no ${unknown.join(" and no ")}. Leave that out, or set search to exact.`,
    );
  }
  return ok({ measured, searched: asModelOptSees(measured, formats) });
}

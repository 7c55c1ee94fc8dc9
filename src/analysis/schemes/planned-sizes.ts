import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { documentText } from "../quality/document-text.ts";
import type { MadePlan } from "../quality/make-plans.ts";
import { PLAN_KINDS, type PlanKind } from "../quality/plan-document.ts";
import type { BitProblem } from "../solve/problem.ts";
import { planBits } from "./controls.ts";

/**
 * What is known of a scheme's plan or of a control before it is measured. Plan documents leave it out, so that
 * another score makes nothing to be measured again.
 */
export interface PlannedSize {
  readonly name: string;
  /** `solver` for the scheme's own plan. */
  readonly kind: PlanKind;
  /** Average stored bits a weight over the layers that may be quantized. */
  readonly bits: number;
  /** Sum of the scores of what the plan quantizes. */
  readonly predicted: number;
}

const SIZES_SCHEMA = 1;

/** @param plans formats in the order of the problem's groups */
export const plannedSizes = (
  problem: BitProblem,
  plans: readonly MadePlan[],
): readonly PlannedSize[] =>
  plans.map((plan) => ({
    name: plan.name,
    kind: plan.kind,
    bits: planBits(problem, plan),
    predicted: problem.groups.reduce((sum, { candidates }, g) => {
      const chosen = candidates.find(({ format }) => format === plan.formats[g]);
      return sum + (chosen?.score ?? NaN);
    }, 0),
  }));

/** @param plans the scheme's own plan, then its controls */
export const plannedSizesJson = (plans: readonly PlannedSize[]): string =>
  documentText({ schema: SIZES_SCHEMA }, { plans });

/** Reads and checks what `plannedSizesJson` wrote. */
export function readPlannedSizes(text: string): Analysed<readonly PlannedSize[]> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== SIZES_SCHEMA) {
    const what = `Sizes of plans of schema ${schema} are not readable here (this version reads ${SIZES_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build the scheme again.`);
  }
  const plans = root.objects("plans").map((of) => ({
    name: of.string("name"),
    kind: of.oneOf("kind", PLAN_KINDS) ?? "solver",
    bits: of.number("bits"),
    predicted: of.number("predicted"),
  }));
  const failure = root.firstProblem;
  return failure === undefined ? ok(plans) : { ok: false, error: failure };
}

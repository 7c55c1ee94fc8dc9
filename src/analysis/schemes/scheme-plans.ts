import { UNQUANTIZED } from "../formats/label.ts";
import { ok, type Analysed } from "../result/result.ts";
import type { MadePlan } from "../quality/make-plans.ts";
import type { ChosenScheme } from "./choose-scheme.ts";
import { SCHEME_PLAN, schemeControls, schemePlanDocument, type ControlSet } from "./controls.ts";
import { plannedSizes, plannedSizesJson } from "./planned-sizes.ts";

/** The documents of a scheme's plan and of its controls. */
export interface SchemePlans {
  /** By the name of the plan, the scheme's own first. */
  readonly plans: ReadonlyMap<string, string>;
  /** What is known of each before it is measured; null where there are no controls. */
  readonly sizes: string | null;
}

/**
 * @param set null for a scheme that chose nothing among layers
 * @param starts further controls: what exact solvers give where the plan was found by measurement
 */
export function schemePlans(
  { scheme, problem, planned }: ChosenScheme,
  set: Omit<ControlSet, "candidates"> | null,
  starts: readonly MadePlan[] = [],
): Analysed<SchemePlans> {
  const { bits } = scheme.achieved;
  const formats = new Map(scheme.layers.map(({ group, format }) => [group, format]));
  const own: MadePlan = {
    name: SCHEME_PLAN,
    kind: "solver",
    budget: bits,
    formats: problem.groups.map(({ name }) => formats.get(name) ?? UNQUANTIZED),
  };
  const controls =
    set === null
      ? ok([])
      : schemeControls(problem, bits, { ...set, candidates: scheme.candidates });
  if (!controls.ok) return controls;
  const all = [own, ...controls.value, ...starts];
  // Documents name every group of the scope, those that stay as they are included.
  const document = (plan: MadePlan): string => {
    const chosen = new Map(problem.groups.map(({ name }, g) => [name, plan.formats[g]]));
    return schemePlanDocument(
      { groups: planned },
      { formats: planned.map(({ name }) => chosen.get(name) ?? UNQUANTIZED) },
    );
  };
  return ok({
    plans: new Map(all.map((plan) => [plan.name, document(plan)])),
    sizes: set === null ? null : plannedSizesJson(plannedSizes(problem, all)),
  });
}

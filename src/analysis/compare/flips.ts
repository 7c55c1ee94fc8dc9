import { UNQUANTIZED } from "../formats/label.ts";
import { ok, type Analysed } from "../result/result.ts";
import { layerKey, layerName } from "./layer-key.ts";
import type { BitPlan, BitProblem } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";

/** What two searches choose, each at its own or both at one budget. */
export interface Flips {
  /** Bits per weight over the whole model. */
  readonly budgets: { readonly a: number; readonly b: number };
  readonly a: PlanSummary;
  readonly b: PlanSummary;
  /** Layers that both could choose for and that come out otherwise, in module order. */
  readonly layers: readonly { readonly layer: string; readonly a: string; readonly b: string }[];
}

export interface PlanSummary {
  readonly achieved: number;
  readonly satisfied: boolean;
  /** Of the layers that both could choose for. */
  readonly quantized: number;
  readonly layers: number;
}

/**
 * Solves both problems and sets the choices side by side. Where both have the same formats to choose from,
 * another format is a flip; else only whether a layer is quantized at all.
 */
export function flipsAt(
  a: { readonly problem: BitProblem; readonly budget: number },
  b: { readonly problem: BitProblem; readonly budget: number },
): Analysed<Flips> {
  const planA = solveBitPlan(a.problem, a.budget);
  if (!planA.ok) return planA;
  const planB = solveBitPlan(b.problem, b.budget);
  if (!planB.ok) return planB;
  const [openA, openB] = [open(a.problem), open(b.problem)];
  const byName = sameFormats(a.problem, b.problem);
  const choicesB = new Map(
    planB.value.choices.map(({ name, candidate }) => [layerKey(name), candidate]),
  );
  const both = planA.value.choices.filter(({ name }) =>
    [openA, openB].every((choosable) => choosable.has(layerKey(name))),
  );
  const pairs = both.flatMap(({ name, candidate }) => {
    const other = choicesB.get(layerKey(name))?.format;
    return other === undefined ? [] : [{ name, a: candidate.format, b: other }];
  });
  const seen = (format: string): string =>
    byName || format === UNQUANTIZED ? format : "quantized";
  return ok({
    budgets: { a: a.budget, b: b.budget },
    a: summary(
      planA.value,
      pairs.map((pair) => pair.a),
    ),
    b: summary(
      planB.value,
      pairs.map((pair) => pair.b),
    ),
    layers: pairs
      .filter((pair) => seen(pair.a) !== seen(pair.b))
      .map((pair) => ({
        layer: layerName(pair.name),
        a: pair.a,
        b: pair.b,
      })),
  });
}

const summary = (plan: BitPlan, formats: readonly string[]): PlanSummary => ({
  achieved: plan.bits.achieved,
  satisfied: plan.satisfied,
  quantized: formats.filter((format) => format !== UNQUANTIZED).length,
  layers: formats.length,
});

/** The groups that have a choice. */
const open = ({ groups }: BitProblem): ReadonlySet<string> =>
  new Set(
    groups.flatMap(({ name, candidates }) => (candidates.length > 1 ? [layerKey(name)] : [])),
  );

function sameFormats(a: BitProblem, b: BitProblem): boolean {
  const names = ({ groups }: BitProblem): string =>
    [...new Set(groups.flatMap(({ candidates }) => candidates.map(({ format }) => format)))]
      .sort()
      .join("\n");
  return names(a) === names(b);
}

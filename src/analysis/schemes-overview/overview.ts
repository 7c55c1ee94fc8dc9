import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import { goalStateOf } from "./goal-state.ts";
import { isOfPlan } from "./plan-of-figures.ts";
import type { Evaluation } from "../evaluation/evaluation.ts";
import type { ReportedExport, ReportedScheme } from "../scheme-report/scheme-report.ts";
import type { CheckpointTensors } from "../schemes/checkpoint-tensors.ts";
import type { Scheme, SchemeChoice } from "../schemes/scheme.ts";
import type { SchemeQuality } from "../schemes/scheme-quality.ts";
import type { MeasuredSearch } from "../search/search-result.ts";

/** All schemes that are declared for a model, with what lies in the workspace of each. Nothing is built for its sake. */
export interface SchemesOverview {
  readonly model: string;
  /** Shapes of the unquantized checkpoint; null where they are not read. */
  readonly tensors: CheckpointTensors | null;
  /** In the order of the declaration. */
  readonly schemes: readonly ShownScheme[];
  /** Measured frontiers that are there. */
  readonly frontiers: readonly MeasuredFrontier[];
}

export interface ShownScheme {
  readonly name: string;
  /** Its folder: what to build. */
  readonly target: string;
  readonly asked: AskedScheme;
  /** Why the model cannot have it; null where it can. */
  readonly because: string | null;
  /** Null where its layers are not chosen yet. */
  readonly scheme: Scheme | null;
  /** Null where it is not measured yet. */
  readonly quality: SchemeQuality | null;
  readonly exports: readonly ReportedExport[];
  /** What was found by measuring plans; null where nothing was searched. It is there where a goal is not met, too. */
  readonly search: MeasuredSearch | null;
  /** Null where it is not evaluated yet. */
  readonly evaluation: Evaluation | null;
}

/** What its config says. */
export interface AskedScheme {
  readonly choice: SchemeChoice;
  readonly scope: "lm" | "all_layers";
  /** Calibration subset. */
  readonly size: string;
  readonly lm_head: boolean;
  /** Empty where the choice names its formats. */
  readonly candidates: readonly string[];
}

/** A scheme that is chosen and measured. */
export type MeasuredScheme = ShownScheme & {
  readonly scheme: Scheme;
  readonly quality: SchemeQuality;
};

export const isMeasured = (shown: ShownScheme): shown is MeasuredScheme =>
  shown.scheme !== null && shown.quality !== null;

export const STATES = [
  "measured",
  "measured before its plan changed",
  "chosen, not measured",
  "goal not met",
  "not built",
  "not on this model",
] as const;
export type SchemeState = (typeof STATES)[number];

/** How far a scheme has come. Files are read as they lie, so figures may be those of a plan of before. */
export function stateOf(shown: ShownScheme): SchemeState {
  const { because, scheme, quality } = shown;
  if (because !== null) return "not on this model";
  if (goalStateOf(shown)?.met === false) return "goal not met";
  if (scheme === null) return "not built";
  if (quality === null) return "chosen, not measured";
  return isOfPlan(quality, shown) ? "measured" : "measured before its plan changed";
}

/** Whether its figures are those of the plan that it has: what is counted, and told in words. */
export const isCurrent = (shown: ShownScheme): shown is MeasuredScheme =>
  isMeasured(shown) && stateOf(shown) === "measured";

/** A measured scheme as reports of schemes take it. */
export const reportedOf = ({
  scheme,
  quality,
  asked,
  exports,
}: MeasuredScheme): ReportedScheme => ({
  scheme,
  quality,
  settings: { lm_head: asked.lm_head },
  exports,
});

/** Held-out data that schemes were measured on. Figures on other data are not to be compared. */
export interface Basis {
  readonly scope: "lm" | "all_layers";
  readonly held_out: SchemeQuality["held_out"];
  readonly reference: SchemeQuality["reference"];
  readonly schemes: readonly MeasuredScheme[];
}

/** Schemes by the data that they were measured on, in the order of their first ones. */
export function basesOf({ schemes }: Pick<SchemesOverview, "schemes">): readonly Basis[] {
  const bases = new Map<string, MeasuredScheme[]>();
  for (const shown of schemes.filter(isMeasured)) {
    const { scope, held_out, reference } = shown.quality;
    const key = JSON.stringify([scope, held_out, reference]);
    bases.set(key, [...(bases.get(key) ?? []), shown]);
  }
  return [...bases.values()].flatMap((some) => {
    const [first] = some;
    if (first === undefined) return [];
    const { scope, held_out, reference } = first.quality;
    return [{ scope, held_out, reference, schemes: some }];
  });
}

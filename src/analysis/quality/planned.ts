import type { FieldReader } from "../python-json/field-reader.ts";
import { PLAN_KINDS, type PlanKind } from "./plan-document.ts";

/** What is known of a set of plans before they are measured. */
export interface Planned {
  readonly scope: "lm" | "all_layers";
  /** What the predicted scores are. */
  readonly scores: { readonly engine: string; readonly method: string };
  /** Controls that there are none of, and why: `weight_error` where it cannot score a candidate. */
  readonly left_out: readonly { readonly control: string; readonly because: string }[];
  readonly candidates: readonly PlannedCandidate[];
  /** Layers that may be quantized at this scope. */
  readonly quantizable: { readonly groups: number; readonly weights: number };
  /** All weights that count for whole-model bits; null where their number is not known. */
  readonly whole_model: { readonly weights: number } | null;
}

export interface PlannedCandidate {
  /** A quant pair. */
  readonly name: string;
  /** Bits of a weight as stored. */
  readonly bits: number;
}

/** Sizes of a plan, in average bits a weight. */
export interface PlanSize {
  /** Over the layers that may be quantized, counted as stored. */
  readonly bits: number;
  /** Over all weights, those outside of the scope at 16 bits; null where their number is not known. */
  readonly whole_model_bits: number | null;
}

export interface PlannedPlan extends PlanSize {
  readonly name: string;
  readonly kind: PlanKind;
  /** Null for uniform plans, which no budget decides. */
  readonly budget: number | null;
  /** Sum of the plan's scores by `scores.engine`. */
  readonly predicted: number;
  /** How many groups have each format, `NONE` included. */
  readonly formats: Readonly<Record<string, number>>;
}

export function readPlanned(root: FieldReader): Planned {
  const scores = root.object("scores");
  const quantizable = root.object("quantizable");
  const whole = nullable(root, "whole_model");
  return {
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    scores: { engine: scores.string("engine"), method: scores.string("method") },
    left_out: root
      .objects("left_out")
      .map((of) => ({ control: of.string("control"), because: of.string("because") })),
    candidates: root
      .objects("candidates")
      .map((of) => ({ name: of.string("name"), bits: of.number("bits") })),
    quantizable: {
      groups: quantizable.integer("groups", 1),
      weights: quantizable.integer("weights", 1),
    },
    whole_model: whole === null ? null : { weights: whole.integer("weights", 1) },
  };
}

export function readPlannedPlan(fields: FieldReader): PlannedPlan {
  const formats = fields.object("formats");
  return {
    name: fields.string("name"),
    kind: fields.oneOf("kind", PLAN_KINDS) ?? "solver",
    budget: numberOrNull(fields, "budget"),
    ...readSize(fields),
    predicted: fields.number("predicted"),
    formats: Object.fromEntries(
      [...formats.verbatim.keys()].map((name) => [name, formats.integer(name, 0)]),
    ),
  };
}

export const readSize = (fields: FieldReader): PlanSize => ({
  bits: fields.number("bits"),
  whole_model_bits: numberOrNull(fields, "whole_model_bits"),
});

export const nullable = (fields: FieldReader, key: string): FieldReader | null =>
  fields.verbatim.get(key) === null ? null : fields.object(key);

export const numberOrNull = (fields: FieldReader, key: string): number | null =>
  fields.verbatim.get(key) === null ? null : fields.number(key);

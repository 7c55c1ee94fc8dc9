import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import type { PyJson } from "../python-json/value.ts";
import {
  readFigure,
  readFigures,
  readFurtherFigures,
  type Figure,
  type FurtherFigures,
  type QualityFigures,
} from "./figures.ts";

/** What an op measured of one or more plans: the document of `plan_quality` or `recipe_quality`. */
export interface QualityDocument {
  readonly op: "plan_quality" | "recipe_quality";
  readonly scope: "lm" | "all_layers";
  /** Whether what was measured on is part of the calibration data, so that all figures flatter. */
  readonly leaked: boolean;
  readonly heldOut: HeldOut;
  /** Versions of what measured, and the kind of device, by name. */
  readonly environment: ReadonlyMap<string, string>;
  readonly reference: Reference;
  /** Counted tokens of each held-out sample. */
  readonly sampleTokens: readonly number[];
  readonly plans: readonly JudgedPlan[];
}

export interface HeldOut {
  readonly samples: number;
  /** Counted tokens of all samples. */
  readonly tokens: number;
  readonly batches: number;
}

/** The unquantized model on the same data. */
export interface Reference {
  readonly loss: Figure;
  readonly perplexity: Figure;
}

export interface JudgedPlan {
  readonly name: string;
  readonly kl: Figure;
  /** Absent in documents of many plans that say only the divergence. */
  readonly figures: QualityFigures | undefined;
  /** Absent where `figures` are, and in older documents. */
  readonly further: FurtherFigures | undefined;
  /** Sum over each sample's counted tokens, nats, in the order of `sampleTokens`; absent where there is none. */
  readonly sampleKl: readonly number[] | undefined;
}

const QUALITY_SCHEMA = 1;

/** Reads and checks the document of a measurement. */
export function readQuality(text: string): Analysed<QualityDocument> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== QUALITY_SCHEMA) {
    const what = `Measurements of quality of schema ${schema} are not readable here (this version reads ${QUALITY_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Measure again.`);
  }
  const reference = root.object("reference");
  const environment = root.object("environment");
  const sampleTokens = root.numbers("sample_tokens");
  const held = root.object("held_out");
  const document: QualityDocument = {
    op: root.oneOf("op", ["plan_quality", "recipe_quality"]) ?? "plan_quality",
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    leaked: root.has("leaked") && root.boolean("leaked"),
    heldOut: {
      samples: held.integer("samples", 1),
      tokens: held.integer("tokens", 1),
      batches: held.integer("batches", 1),
    },
    environment: new Map(
      [...environment.verbatim.keys()].map((name) => [name, environment.string(name)]),
    ),
    reference: {
      loss: readFigure(reference, "loss"),
      perplexity: readFigure(reference, "perplexity"),
    },
    sampleTokens,
    plans: root
      .list("plans")
      .map((item, index) => readPlan(item, index, sampleTokens.length, problems)),
  };
  if (document.plans.length === 0) root.problem("wrong_structure", "plans", "is empty");
  if (sampleTokens.length !== document.heldOut.samples) {
    const count = `has ${sampleTokens.length} samples, and held_out.samples is ${document.heldOut.samples}`;
    root.problem("figures_disagree", "sample_tokens", count);
  }
  const failure = root.firstProblem;
  return failure === undefined ? ok(document) : { ok: false, error: failure };
}

function readPlan(
  item: PyJson,
  index: number,
  samples: number,
  problems: AnalysisFailure[],
): JudgedPlan {
  const name = new FieldReader(item, `plans[${index}]`, problems).string("name");
  // Further problems name the plan, which a person can find again.
  const where = `plans[${index}] (${name})`;
  const fields = new FieldReader(item, where, problems);
  const sampleKl = fields.has("sample_kl") ? fields.numbers("sample_kl") : undefined;
  if (sampleKl !== undefined && sampleKl.length !== samples) {
    const count = `has ${sampleKl.length} values for ${samples} samples`;
    fields.problem("figures_disagree", `${where}.sample_kl`, count);
  }
  // A document of many plans has no samples, and an interval of the divergence alone.
  const figures = sampleKl === undefined ? undefined : readFigures(fields);
  const hasFurther = figures !== undefined && fields.has("perplexity_ratio");
  const further = hasFurther ? readFurtherFigures(fields) : undefined;
  const kl = figures?.kl ?? readFigure(fields, "kl");
  return { name, kl, figures, further, sampleKl };
}

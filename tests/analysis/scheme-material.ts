import { createHash } from "node:crypto";
import type { Figure, QualityFigures } from "../../src/analysis/quality/figures.ts";
import type { MadePlan } from "../../src/analysis/quality/make-plans.ts";
import type { QualityDocument } from "../../src/analysis/quality/quality-document.ts";
import { Random } from "../../src/analysis/quality/random.ts";
import {
  ONE_PLAN,
  planBits,
  SCHEME_PLAN,
  schemeControls,
} from "../../src/analysis/schemes/controls.ts";
import type { ExportCheck } from "../../src/analysis/schemes/export-check.ts";
import { judgeScheme, type SchemeSource } from "../../src/analysis/schemes/judge-scheme.ts";
import { plannedSizes } from "../../src/analysis/schemes/planned-sizes.ts";
import type { Scheme } from "../../src/analysis/schemes/scheme.ts";
import type { SchemeQuality } from "../../src/analysis/schemes/scheme-quality.ts";
import type { ServingStatus } from "../../src/analysis/schemes/serving-status.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";
import { problemOfPairs, TINY_GROUPS } from "./bit-plan-material.ts";
import { expectValue } from "./figures.ts";

export const FP8 = "wfp8_afp8";
export const fp8Problem = problemOfPairs(TINY_GROUPS, [FP8], 5, "stored");

/** A made-up scheme: the least sensitive groups of the tiny model get FP8. */
export interface MadeScheme {
  readonly problem: BitProblem;
  readonly scheme: Scheme;
  readonly source: SchemeSource;
}

const SAMPLES = 60;

/** @param quantized how many groups get FP8 */
export function madeScheme(
  name: string,
  quantized: number,
  weights: SchemeSource["weights"] = "real",
): MadeScheme {
  const problem = fp8Problem;
  const order = problem.groups
    .map(({ candidates, weights: size }, g) => ({ g, score: (candidates[0]?.score ?? 0) / size }))
    .toSorted((a, b) => a.score - b.score)
    .map(({ g }) => g);
  const chosen = new Set(order.slice(0, quantized));
  const formats = problem.groups.map((_, g) => (chosen.has(g) ? FP8 : "NONE"));
  const bits = planBits(problem, { formats });
  const own: MadePlan = { name: SCHEME_PLAN, kind: "solver", budget: bits, formats };
  const set = { randomPlans: 8, seed: 42, candidates: [FP8] };
  const plans = [own, ...expectValue(schemeControls(problem, bits, set))];
  const all = problem.groups.reduce((sum, group) => sum + group.weights, 0);
  const scheme: Scheme = {
    name,
    model: "qwen3_vl_trained",
    scope: "lm",
    size: "large",
    engine: "modelopt",
    candidates: [FP8],
    choice: { top_percent: Math.round((100 * quantized) / problem.groups.length) },
    ranking: "least sensitive first",
    achieved: {
      bits,
      whole_bits: bits + 2,
      bytes: Math.round((all * bits) / 8) + 40_000,
      score: lossOf(problem, own),
      quantized_groups: quantized,
      groups: problem.groups.length,
    },
    exports: [{ format: "modelopt", bytes: Math.round((all * bits) / 8) + 40_000 }],
    dropped: [],
    layers: problem.groups.map(({ name: group, modules = [group] }, g) => ({
      group,
      modules,
      format: formats[g] ?? "NONE",
    })),
  };
  const measured = new Map(plans.map((plan) => [plan.name, documentOf(problem, plan)] as const));
  return {
    problem,
    scheme,
    source: {
      scheme,
      weights,
      calibration: { samples: 128 },
      part: "report",
      definition: { proven: 1.2, resamples: 300, seed: 42, random_plans: 8 },
      measured: expectDefined(measured.get(SCHEME_PLAN)),
      against: { sizes: plannedSizes(problem, plans), measured },
    },
  };
}

export const qualityOf = ({ source }: MadeScheme): SchemeQuality =>
  expectValue(judgeScheme(source));

/** What a made-up plan loses: the sum of the scores of what it quantizes. */
const lossOf = ({ groups }: BitProblem, { formats }: Pick<MadePlan, "formats">): number =>
  groups.reduce(
    (sum, { candidates }, g) =>
      sum + (candidates.find(({ format }) => format === formats[g])?.score ?? 0),
    0,
  );

/** A measurement of one plan, in which samples are hard and easy alike for all plans. */
function documentOf(problem: BitProblem, plan: MadePlan): QualityDocument {
  const random = new Random(11);
  const sampleTokens = Array.from({ length: SAMPLES }, () => 8 + random.below(16));
  const tokens = sampleTokens.reduce((sum, count) => sum + count, 0);
  const loss = 1e-3 * lossOf(problem, plan);
  const sampleKl = sampleTokens.map((count) => count * loss * (0.4 + random.fraction()));
  const kl = sampleKl.reduce((sum, value) => sum + value, 0) / tokens;
  return {
    op: "plan_quality",
    scope: "lm",
    leaked: false,
    heldOut: { samples: SAMPLES, tokens, batches: 1 },
    environment: new Map([["torch", "2.9.1"]]),
    reference: { loss: around(0.31), perplexity: around(Math.exp(0.31)) },
    sampleTokens,
    plans: [
      {
        name: ONE_PLAN,
        kl: around(kl),
        figures: figuresOf(kl),
        further: { perplexity_ratio: around(Math.exp(kl / 2)), kl_last: around(kl * 1.1) },
        sampleKl,
      },
    ],
  };
}

const around = (value: number): Figure => ({ value, low: value * 0.9, high: value * 1.12 });

const figuresOf = (kl: number): QualityFigures => ({
  kl: around(kl),
  kl_p95: around(kl * 4),
  kl_p99: around(kl * 9),
  top1_agreement: { value: 1 - kl, low: 1 - 1.5 * kl, high: 1 - 0.6 * kl },
  loss: around(0.31 + kl / 2),
  perplexity: around(Math.exp(0.31 + kl / 2)),
  logit_mse: around(kl * 12),
  logit_mse_last: around(kl * 10),
});

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A check of an export of that plan whose weights are those of `weightsOf`, which a true export has of itself. */
export function madeCheck(
  { layers, achieved }: Scheme,
  op: "modelopt_export" | "compressed_tensors_export",
  weightsOf: readonly string[] = layers.map(({ format }) => format),
): ExportCheck {
  const modules = layers.flatMap(({ modules: all, format }) =>
    format === "NONE" ? [] : all.map((layer) => ({ layer, format })),
  );
  return {
    op,
    plan: sha(JSON.stringify(layers)),
    scope: "lm",
    bytes: achieved.bytes + 12_000_000,
    weightBytes: achieved.bytes + 96,
    quantizedLayers: modules.length,
    keptLayers: layers.flatMap((layer) => layer.modules).length - modules.length,
    formats: modules.length === 0 ? {} : { [FP8]: modules.length },
    layers: modules.map(({ layer, format }) => ({
      layer,
      format,
      digest: sha(`${op} ${layer} ${format}`),
      difference: 0,
      tolerance: 0,
    })),
    weights: sha(`${op} ${weightsOf.join(" ")}`),
    logits: { largestDifference: 1e-6, kl: 1e-9, tolerance: 1e-3, tokens: 120 },
    gates: ["plan_and_files", "config_and_files"],
  };
}

export const madeStatus = (status: Partial<ServingStatus> = {}): ServingStatus => ({
  vllm: "0.33.0",
  device: "cpu",
  word: "loads strictly (not run)",
  level: null,
  reason: null,
  trace: null,
  byDefault: "loads",
  unquantized: [],
  compared: { parameters: 120, different: [] },
  speed: null,
  ...status,
});

function expectDefined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("it is made");
  return value;
}

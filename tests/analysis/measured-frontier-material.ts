import type { Figure, QualityFigures } from "../../src/analysis/quality/figures.ts";
import {
  measureFrontier,
  type FrontierSource,
} from "../../src/analysis/quality/measure-frontier.ts";
import { wholeModelBits } from "../../src/analysis/quality/whole-model.ts";
import type { MeasuredFrontier } from "../../src/analysis/quality/measured-frontier.ts";
import type { Overview, OverviewGroup } from "../../src/analysis/quality/overview.ts";
import {
  ALONE,
  aloneName,
  planName,
  uniformName,
  type PlanKind,
} from "../../src/analysis/quality/plan-document.ts";
import type { PlannedPlan } from "../../src/analysis/quality/planned.ts";
import type { QualityDocument } from "../../src/analysis/quality/quality-document.ts";
import { Random } from "../../src/analysis/quality/random.ts";
import { expectValue } from "./figures.ts";

/** What a made-up frontier is like. */
export interface FrontierLikeness {
  readonly weights: "random" | "real";
  readonly scope: "lm" | "all_layers";
  readonly budgets: readonly number[];
  readonly samples: number;
  /** KL of a kind of plan as a multiple of the solver's at the same budget. */
  readonly multiples: Readonly<Record<Exclude<PlanKind, "solver" | "uniform" | "start">, number>>;
}

const LIKENESS: FrontierLikeness = {
  weights: "real",
  scope: "lm",
  budgets: [3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5],
  samples: 128,
  multiples: { random: 4, inverted: 9, heuristic: 2.2, weight_error: 1.3 },
};

const CANDIDATES = [
  { name: "wint3_afp16", bits: 3 },
  { name: "wint4_afp16", bits: 4.25 },
  { name: "wint8_afp16", bits: 8 },
] as const;

const BLOCKS = 10;
const KINDS = ["q k v", "o", "gate up", "down"] as const;
const PATHS = ["self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj"] as const;

/** A frontier as `measured-frontier.json` has it, from made-up measurements: the same on every run. */
export const madeUpFrontier = (likeness: Partial<FrontierLikeness> = {}): MeasuredFrontier =>
  expectValue(measureFrontier(madeUpSource(likeness)));

/** Overview and measurements from which such a frontier is worked out. */
export function madeUpSource(likeness: Partial<FrontierLikeness> = {}): FrontierSource {
  const like = { ...LIKENESS, ...likeness };
  const random = new Random(7);
  const groups = groupsOf(random);
  const weights = groups.reduce((sum, group) => sum + group.weights, 0);
  const sizes = {
    quantizable: { groups: groups.length, weights },
    whole_model: { weights: Math.round(weights * 1.35) },
  };
  const plans = plansOf(like, sizes);
  const overview: Overview = {
    scope: like.scope,
    scores: { engine: "modelopt", method: "gradient" },
    left_out: [],
    candidates: CANDIDATES,
    ...sizes,
    groups,
    plans,
  };
  const sampleTokens = Array.from({ length: like.samples }, () => 8 + random.below(16));
  const judge = (name: string, kl: number): QualityDocument =>
    documentOf(like, sampleTokens, [{ name, kl }], random);
  const measured = new Map(
    plans.map((plan) => [plan.name, judge(plan.name, klOf(plan, like))] as const),
  );
  measured.set(ALONE, aloneDocument(like, sampleTokens, groups, random));
  return {
    name: "int3_int4_int8",
    model: like.weights === "random" ? "qwen3_vl_tiny" : "qwen3_vl_trained",
    size: "medium",
    weights: like.weights,
    calibration: { samples: 128 },
    part: "report",
    definition: { proven: 1.2, resamples: 400, seed: 42, random_plans: 8 },
    overview,
    measured,
    recipes: [
      { name: "INT8_SMOOTHQUANT_CFG", bits: 8, kl: 0.0011 },
      { name: "INT4_AWQ_CFG", bits: 4.25, kl: 0.03 },
    ].map(({ name, bits, kl }) => ({ name, bits, document: judge(name, kl) })),
  };
}

const groupsOf = (random: Random): readonly OverviewGroup[] =>
  Array.from({ length: BLOCKS }, (_, block) =>
    KINDS.map((kind, k) => {
      const score = 10 ** (random.fraction() * 2 - 3);
      return {
        name: `model.language_model.layers.${block}.${PATHS[k] ?? ""}`,
        kind,
        tower: "language" as const,
        weights: [49152, 16384, 65536, 32768][k] ?? 0,
        predicted: [score, score / 5, score / 900],
      };
    }),
  ).flat();

function plansOf(
  { budgets, multiples }: FrontierLikeness,
  sizes: Pick<Overview, "quantizable" | "whole_model">,
): readonly PlannedPlan[] {
  const planned = (name: string, kind: PlanKind, budget: number | null, bits: number) => ({
    name,
    kind,
    budget,
    bits,
    whole_model_bits: wholeModelBits(sizes, bits),
    predicted: 2 ** (8 - bits) * (kind in multiples ? multiples[kind as "random"] : 1) * 0.9,
    formats: { wint3_afp16: 14, wint4_afp16: 14, wint8_afp16: 12, NONE: 0 },
  });
  const ofKind = (kind: PlanKind, word: string = kind) =>
    budgets.map((budget) => planned(planName(word, budget), kind, budget, budget - 0.004));
  return [
    ...ofKind("solver"),
    ...CANDIDATES.map(({ name, bits }) => planned(uniformName(name), "uniform", null, bits)),
    ...ofKind("inverted"),
    ...ofKind("heuristic"),
    ...ofKind("weight_error"),
    ...Array.from({ length: 8 }, (_, n) => ofKind("random", `random_${n + 1}`)).flat(),
  ];
}

/** Falls by half for each bit, about as it does in real models. */
const klOf = ({ kind, bits }: PlannedPlan, { multiples }: FrontierLikeness): number =>
  0.008 *
  2 ** (4 - bits) *
  (kind === "solver" || kind === "start" ? 1 : kind === "uniform" ? 3 : multiples[kind]);

function documentOf(
  { scope }: FrontierLikeness,
  sampleTokens: readonly number[],
  plans: readonly { readonly name: string; readonly kl: number }[],
  random: Random,
): QualityDocument {
  const tokens = sampleTokens.reduce((sum, count) => sum + count, 0);
  return {
    op: "plan_quality",
    scope,
    leaked: false,
    heldOut: { samples: sampleTokens.length, tokens, batches: 1 },
    environment: new Map([["device", "CPU"]]),
    reference: { loss: around(0.31), perplexity: around(Math.exp(0.31)) },
    sampleTokens,
    plans: plans.map(({ name, kl }) => {
      // Each sample has its share, from a quarter to two and a quarter times the mean.
      const sampleKl = sampleTokens.map((count) => count * kl * (0.25 + 2 * random.fraction()));
      const mean = sampleKl.reduce((sum, value) => sum + value, 0) / tokens;
      return {
        name,
        kl: around(mean),
        figures: figuresOf(mean),
        further: undefined,
        sampleKl,
      };
    }),
  };
}

function aloneDocument(
  like: FrontierLikeness,
  sampleTokens: readonly number[],
  groups: readonly OverviewGroup[],
  random: Random,
): QualityDocument {
  const plans = groups.flatMap(({ name, predicted }) =>
    CANDIDATES.map((candidate, c) => ({
      name: aloneName(name, candidate.name),
      kl: (predicted[c] ?? 0) * 0.02 * (0.3 + 2 * random.fraction()),
    })),
  );
  const document = documentOf(like, sampleTokens, plans, random);
  return {
    ...document,
    plans: document.plans.map(({ name, kl }) => ({
      name,
      kl,
      figures: undefined,
      further: undefined,
      sampleKl: undefined,
    })),
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

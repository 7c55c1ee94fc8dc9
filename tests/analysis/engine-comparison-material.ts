import type { EngineComparisonSource } from "../../src/analysis/engine-comparison/judge-engines.ts";
import { enginePlans } from "../../src/analysis/engine-comparison/engine-plans.ts";
import {
  alignedOpinions,
  type OpinionSource,
} from "../../src/analysis/engine-comparison/opinions.ts";
import { UNQUANTIZED } from "../../src/analysis/formats/label.ts";
import type { Figure } from "../../src/analysis/quality/figures.ts";
import type { QualityDocument } from "../../src/analysis/quality/quality-document.ts";
import { Random } from "../../src/analysis/quality/random.ts";
import { ok } from "../../src/analysis/result/result.ts";
import type { Scores } from "../../src/analysis/scores/scores.ts";
import { expectValue } from "./figures.ts";

/** A world of layers whose true damage is known: KL of a plan is the sum over what it quantizes. */
export const LAYERS = Array.from({ length: 24 }, (_, n) => ({
  name: `model.layers.${Math.floor(n / 4)}.${["self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj"][n % 4] ?? ""}`,
  weights: 1000 + 100 * (n % 4),
  damage: 1e-4 * (1 + ((n * 7) % 24)),
}));

const CANDIDATE = { name: "wint8_aint8", bits: 8 };
const BUDGETS = [9, 11, 13];
const RANDOM_PLANS = 4;

/** Score documents of one engine; `score` of each layer by its place. */
export const scoresOf = (
  engine: string,
  score: (n: number) => number,
  name: (path: string) => string = (path) => path,
): Scores => ({
  engine,
  format: { name: "INT8", bits: 8, config: new Map() },
  method: "made_up",
  scope: "lm",
  measured: {
    calibrationSamples: 16,
    calibrationBatches: 2,
    scoreSamples: 16,
    scoreBatches: 2,
    scoreTokens: 100,
    batchSize: 8,
    sequenceLength: 32,
  },
  environment: new Map(),
  groups: LAYERS.map((layer, n) => ({
    name: name(layer.name),
    modules: [name(layer.name)],
    weights: layer.weights,
    enabled: true,
    score: score(n),
    executions: 2,
  })),
  modules: LAYERS.map((layer) => ({ name: name(layer.name), type: "Linear" })),
});

export const truth = (n: number): number => LAYERS[n]?.damage ?? 0;

/** Plans by these opinions, measured in that world. Samples differ in how hard they are, plans a little in luck. */
export function measuredWorld(
  sources: readonly OpinionSource[],
  weights: "real" | "random" = "real",
): EngineComparisonSource {
  const opinions = expectValue(alignedOpinions([CANDIDATE], sources));
  const plans = expectValue(
    enginePlans(
      opinions,
      (group, format) =>
        ok(format === UNQUANTIZED ? 0 : (LAYERS.find(({ name }) => name === group)?.damage ?? NaN)),
      { budgets: BUDGETS, randomPlans: RANDOM_PLANS, seed: 42 },
    ),
  );
  const random = new Random(3);
  const hardness = Array.from({ length: 64 }, () => 0.5 + random.fraction());
  const sampleTokens = hardness.map(() => 10);
  const measured = new Map(
    plans.map(({ name, formats }) => {
      const damage = formats.reduce(
        (sum, format, g) => sum + (format === UNQUANTIZED ? 0 : truth(g)),
        0,
      );
      const sampleKl = hardness.map(
        (hard) => 10 * damage * hard * (0.98 + 0.04 * random.fraction()),
      );
      return [name, documentOf(name, sampleTokens, sampleKl)] as const;
    }),
  );
  return {
    name: "made_up",
    model: "a model",
    size: "medium",
    weights,
    calibration: { samples: 16 },
    scope: "lm",
    part: "report",
    definition: { proven: 1.2, resamples: 400, seed: 42, random_plans: RANDOM_PLANS },
    leftOut: [],
    opinions,
    plans,
    measured,
  };
}

function documentOf(
  name: string,
  sampleTokens: readonly number[],
  sampleKl: readonly number[],
): QualityDocument {
  const tokens = sampleTokens.reduce((sum, count) => sum + count, 0);
  const kl = figure(sampleKl.reduce((sum, value) => sum + value, 0) / tokens);
  const figures = {
    ...{ kl, kl_p95: kl, kl_p99: kl, top1_agreement: kl, loss: kl, perplexity: kl },
    ...{ logit_mse: kl, logit_mse_last: kl },
  };
  return {
    op: "plan_quality",
    scope: "lm",
    leaked: false,
    heldOut: { samples: sampleTokens.length, tokens, batches: 1 },
    environment: new Map([["device", "CPU"]]),
    reference: { loss: figure(0.3), perplexity: figure(1.35) },
    sampleTokens,
    plans: [{ name, kl, figures, further: undefined, sampleKl }],
  };
}

const figure = (value: number): Figure => ({ value, low: value * 0.9, high: value * 1.1 });

import { failed, ok, type Analysed } from "../result/result.ts";
import type { Figure } from "./figures.ts";
import { Random } from "./random.ts";

/**
 * Below this many samples a percentile interval means nothing: it is far too narrow, and with one sample it
 * has no width at all.
 */
export const LEAST_SAMPLES = 20;

/** Share of resamples on either side of an interval: it has 95 % between. */
const TAIL = 0.025;

/** A plan's KL summed over samples: as measured, and once for each resample. */
export interface KlSums {
  readonly plan: string;
  readonly whole: number;
  readonly resampled: Float64Array;
}

/**
 * A paired percentile bootstrap over samples (B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993,
 * chapter 13): samples are drawn with replacement, with their tokens, and every plan is seen on the same draws.
 * So what samples have in common, hard or easy, long or short, does not blur the quotient of two plans. The
 * draws are made once; a plan then costs resamples x samples multiplications.
 */
export class PairedBootstrap {
  readonly #samples: number;
  readonly #resamples: number;
  /** How often each resample has each sample, resample by resample. */
  readonly #counts: Uint16Array;
  readonly #tokens: KlSums;

  private constructor(sampleTokens: readonly number[], resamples: number, seed: number) {
    const samples = sampleTokens.length;
    const random = new Random(seed);
    const counts = new Uint16Array(samples * resamples);
    for (let begin = 0; begin < counts.length; begin += samples) {
      for (let n = 0; n < samples; n += 1) {
        const drawn = begin + random.below(samples);
        counts[drawn] = (counts[drawn] ?? 0) + 1;
      }
    }
    this.#samples = samples;
    this.#resamples = resamples;
    this.#counts = counts;
    this.#tokens = this.#sums("tokens", Float64Array.from(sampleTokens));
  }

  /** @param sampleTokens counted tokens of each sample */
  static over(
    sampleTokens: readonly number[],
    resamples: number,
    seed: number,
  ): Analysed<PairedBootstrap> {
    if (sampleTokens.length < LEAST_SAMPLES) {
      return failed(
        "too_few_samples",
        "sample_tokens",
        `${sampleTokens.length} held-out samples are too few for an interval; at least ${LEAST_SAMPLES} are needed. Raise the held-out sizes in conf/dataset.`,
      );
    }
    if (!sampleTokens.every((tokens) => Number.isInteger(tokens) && tokens > 0)) {
      return failed(
        "wrong_structure",
        "sample_tokens",
        "A held-out sample has no counted token. Measure again with the version of the tool that reads this.",
      );
    }
    return ok(new PairedBootstrap(sampleTokens, resamples, seed));
  }

  /** @param sampleKl sum over each sample's counted tokens, nats, in the order of the tokens given */
  sumsOf(plan: string, sampleKl: readonly number[]): Analysed<KlSums> {
    if (sampleKl.length !== this.#samples) {
      return failed(
        "figures_disagree",
        plan,
        `${plan} was measured on ${sampleKl.length} samples, and the others on ${this.#samples}. Measure all plans on the same data.`,
      );
    }
    const wrong = sampleKl.findIndex((kl) => !Number.isFinite(kl));
    if (wrong >= 0) {
      return failed(
        "non_finite_number",
        plan,
        `The KL of ${plan} on sample ${wrong} is ${sampleKl[wrong]}. Look at the plan's logits for overflow, and measure again.`,
      );
    }
    return ok(this.#sums(plan, Float64Array.from(sampleKl)));
  }

  /** KL a counted token. */
  perToken(kl: KlSums): Figure {
    return this.#quotient(kl, this.#tokens);
  }

  /** KL(above) / KL(below). Refused where KL(below) is not above zero in every resample. */
  factor(above: KlSums, below: KlSums): Analysed<Figure> {
    if (!(below.whole > 0) || !below.resampled.every((sum) => sum > 0)) {
      return failed(
        "no_divergence",
        below.plan,
        `The KL of ${below.plan} is not above zero, so that no other KL is a multiple of this one: its outputs are those of the unquantized model. Leave out budgets at which nothing is quantized.`,
      );
    }
    return ok(this.#quotient(above, below));
  }

  /**
   * The geometric mean of several factors KL(above) / KL(below), all on the same draws: how many times as much on a
   * typical one of them. Refused where one of them is.
   */
  meanFactor(pairs: readonly (readonly [above: KlSums, below: KlSums])[]): Analysed<Figure> {
    for (const [above, below] of pairs) {
      // A logarithm needs both above zero.
      for (const [one, other] of [
        [above, below],
        [below, above],
      ] as const) {
        const factor = this.factor(one, other);
        if (!factor.ok) return factor;
      }
    }
    const mean = (of: (sums: KlSums) => number): number =>
      Math.exp(
        pairs.reduce((sum, [above, below]) => sum + Math.log(of(above) / of(below)), 0) /
          pairs.length,
      );
    const resampled = new Float64Array(this.#resamples)
      .map((_, r) => mean((sums) => sums.resampled[r] ?? NaN))
      .sort();
    return ok({
      value: mean(({ whole }) => whole),
      low: quantile(resampled, TAIL),
      high: quantile(resampled, 1 - TAIL),
    });
  }

  #sums(plan: string, values: Float64Array): KlSums {
    const [counts, samples] = [this.#counts, this.#samples];
    const resampled = new Float64Array(this.#resamples);
    for (let r = 0, at = 0; r < resampled.length; r += 1) {
      let sum = 0;
      for (let n = 0; n < samples; n += 1, at += 1) sum += (counts[at] ?? 0) * (values[n] ?? 0);
      resampled[r] = sum;
    }
    return { plan, whole: values.reduce((sum, value) => sum + value, 0), resampled };
  }

  #quotient(above: KlSums, below: KlSums): Figure {
    const quotients = above.resampled.map((sum, r) => sum / (below.resampled[r] ?? NaN)).sort();
    return {
      value: above.whole / below.whole,
      low: quantile(quotients, TAIL),
      high: quantile(quotients, 1 - TAIL),
    };
  }
}

/**
 * The mean of several plans' sums. It is taken from the first plan on, so that the mean of equal plans is
 * exactly each of them; plans are put in the order of their names first, so that their order does not matter.
 */
export function meanOf(plan: string, all: readonly KlSums[]): KlSums {
  const [first, ...others] = all.toSorted((a, b) => (a.plan < b.plan ? -1 : 1));
  if (first === undefined) return { plan, whole: NaN, resampled: new Float64Array() };
  const mean = (value: number, of: (sums: KlSums) => number): number =>
    value + others.reduce((sum, other) => sum + (of(other) - value), 0) / all.length;
  return {
    plan,
    whole: mean(first.whole, ({ whole }) => whole),
    resampled: first.resampled.map((sum, r) => mean(sum, ({ resampled }) => resampled[r] ?? NaN)),
  };
}

/** The least value that at least this share of all are not above: nearest rank, as the ops that measure have it. */
const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share - 1e-9) - 1)] ?? NaN;

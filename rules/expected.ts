import type { ExpectedCost, GrowthDeclaration } from "aqm";

/** What is expected of scoring, with the counts that its time grows with. */
interface ExpectedScoring extends ExpectedCost {
  readonly work: Readonly<Record<"score_batches", number>> & Readonly<Record<string, number>>;
}

interface ScoringWork {
  readonly samples: number;
  readonly batchSize: number;
  readonly scoreSize: number;
  readonly device: "cpu" | "cuda";
}

/**
 * What scoring one format costs before it was ever measured: on an H200, with 4 G parameters, 4 to 8 s for 16 steps
 * of calibration and 11 to 16 s for 16 of scoring; other devices are given up to three times that. CPUs score tiny
 * models only.
 *
 * How the time grows is worked out from runs of 16 pairs in one job on one H200 (docs/gpu.md): 69 s for 128 samples
 * in 16 batches, 22 s for 16 samples in 2; and 97 s against 52 s for the 128 samples in 16 batches and in one. So
 * imports and loading take 15 s of 69, a step 0.7 or 1.4 s whatever its size, and a sample 0.15 s more.
 *
 * @param samples of the calibration set
 * @param batchSize samples a step
 * @param scoreSize samples to score at most
 */
export function expectedScoring({
  samples,
  batchSize,
  scoreSize,
  device,
}: ScoringWork): ExpectedScoring {
  const calibration = Math.ceil(samples / batchSize);
  const scoring = Math.min(Math.max(Math.floor(scoreSize / batchSize), 1), calibration);
  const work = {
    calibration_batches: calibration,
    calibration_samples: samples,
    score_batches: scoring,
    score_samples: Math.min(scoring * batchSize, samples),
  };
  if (device === "cpu") {
    const steps = calibration + scoring;
    return {
      work,
      growth: CPU_SCORING,
      gpuSeconds: [0.3 + 0.03 * steps, 3 + 0.3 * steps],
      because: "a tiny model on a CPU takes 0.03–0.3 s a step",
    };
  }
  const seconds = 1.3 + 0.25 * calibration + 0.7 * scoring;
  return {
    work,
    growth: GPU_SCORING,
    gpuSeconds: [seconds, 3 * (1.3 + 0.5 * calibration + scoring)],
    gpuMemoryBytes: [10e9, 40e9],
    because:
      "a 4 G parameter model on one H200 takes 0.25–0.5 s a calibration step, 0.7–1 s a scoring step",
  };
}

const GPU_SCORING: GrowthDeclaration = {
  fixedSeconds: 15,
  secondsEach: {
    calibration_batches: 0.7,
    score_batches: 1.4,
    calibration_samples: 0.05,
    score_samples: 0.1,
  },
};

/**
 * Fitted to six runs of the trained model, each alone, on two cores that had other work too: 128 samples in batches
 * of 1, 8 and 32 took 31, 10 and 13 s, 512 samples to calibrate with 38, 19 and 13 s.
 */
const CPU_SCORING: GrowthDeclaration = {
  fixedSeconds: 8,
  secondsEach: {
    calibration_batches: 0.01,
    score_batches: 0.17,
    calibration_samples: 0.008,
    score_samples: 0.01,
  },
};

/**
 * What scoring one format by weight_error costs before it was ever measured: a forward pass a batch, and the
 * weights rounded once. On one H200, with 4 G parameters, 7 s and 15 GB for 16 batches of 4,096 tokens.
 */
export function expectedWeightError({
  samples,
  batchSize,
  device,
}: Omit<ScoringWork, "scoreSize">): ExpectedCost {
  const steps = Math.ceil(samples / batchSize);
  const work = { calibration_batches: steps, calibration_samples: samples };
  return device === "cpu"
    ? {
        work,
        // Of the trained model on two cores, alone: 16 samples 3.3 s, 128 4.3 s, 512 7.6 s, in batches of 1 and 8.
        growth: { fixedSeconds: 3.1, secondsEach: { calibration_samples: 0.009 } },
        gpuSeconds: [0.2 + 0.01 * steps, 2 + 0.1 * steps],
        because: "a tiny model on a CPU takes 0.01–0.1 s a forward pass",
      }
    : {
        work,
        // Guessed but for the sum: 7 s of 128 samples in 16 batches.
        growth: {
          fixedSeconds: 5,
          secondsEach: { calibration_batches: 0.1, calibration_samples: 0.003 },
        },
        gpuSeconds: [2 + 0.1 * steps, 10 + 0.5 * steps],
        gpuMemoryBytes: [10e9, 30e9],
        because:
          "a 4 G parameter model on one H200 takes 7 s for 16 forward passes and all weights",
      };
}

/**
 * What scoring by Intel Neural Compressor costs before it was ever measured: every op calibrated and run over the
 * samples by itself. Of tiny models on a CPU; a large model has hundreds of ops.
 */
export const expectedInc = ({
  samples,
  batchSize,
}: Pick<ScoringWork, "samples" | "batchSize">): ExpectedCost => {
  const steps = Math.ceil(samples / batchSize);
  return {
    work: { score_batches: steps },
    gpuSeconds: [5 + 0.3 * steps, 30 + 10 * steps],
    because: "a tiny model on a CPU takes 0.1–0.9 s an op",
  };
};

/**
 * What scoring one format by AutoRound costs before it was ever measured: a forward and a backward pass a batch with
 * all layers rounded. A guess for models of 4 G parameters: no GPU has run it yet.
 */
export const expectedAutoround = ({
  samples,
  batchSize,
  device,
}: Omit<ScoringWork, "scoreSize">): ExpectedCost => {
  const steps = Math.ceil(samples / batchSize);
  const work = { score_batches: steps };
  return device === "cpu"
    ? {
        work,
        gpuSeconds: [1 + 0.05 * steps, 10 + 1 * steps],
        because: "a tiny model on a CPU takes 0.05–1 s a batch",
      }
    : {
        work,
        gpuSeconds: [20 + 0.5 * steps, 120 + 5 * steps],
        gpuMemoryBytes: [15e9, 60e9],
        because: "guessed: 0.5–5 s a batch of a 4 G parameter model",
      };
};

/**
 * What judging plans costs before it was ever measured: a load and a calibration, then a forward pass over the
 * held-out data for each plan. On one H200, with 4 G parameters, 40 to 60 s and 0.2 to 0.7 s a plan.
 *
 * @param plans in the document
 */
export function expectedPlanQuality(device: "cpu" | "cuda", plans: number): ExpectedCost {
  const work = { plans };
  return device === "cpu"
    ? {
        work,
        growth: { fixedSeconds: 5, secondsEach: { plans: 0.3 } },
        gpuSeconds: [2 + 0.02 * plans, 20 + 1 * plans],
        because: "a tiny model on a CPU takes 0.02–1 s a plan",
      }
    : {
        work,
        // One plan alone took 29.2 s, 105 plans 62.6 s.
        growth: { fixedSeconds: 28.9, secondsEach: { plans: 0.32 } },
        gpuSeconds: [20 + 0.15 * plans, 90 + 1.5 * plans],
        gpuMemoryBytes: [10e9, 40e9],
        because: "a 4 G parameter model on one H200 takes 0.15–1.5 s a plan after calibration",
      };
}

/**
 * What a search by measurement costs before there was one: a load and a calibration, then a forward pass over a
 * held-out set for each measurement. It ends sooner where nothing is left to be tried, so that a next one of as many
 * measurements is predicted to take longer than that one did.
 */
export function expectedSearch(device: "cpu" | "cuda", measurements: number): ExpectedCost {
  return {
    ...expectedPlanQuality(device, measurements),
    work: { measured: measurements },
    // On one H200, 600 measurements took 121 s, of it 97 s for measuring.
    growth: {
      fixedSeconds: device === "cpu" ? 5 : 24,
      secondsEach: { measured: device === "cpu" ? 0.3 : 0.16 },
    },
  };
}

/**
 * What an export costs before there was one: a load, the rounding of all weights, files written and read back. On
 * one H200, with 4 G parameters, ModelOpt alone took 3 s to quantize and 4 s to write.
 */
export function expectedExport(device: "cpu" | "cuda"): ExpectedCost {
  return device === "cpu"
    ? { work: {}, gpuSeconds: [1, 30], because: "a tiny model on a CPU takes 1–30 s" }
    : {
        work: {},
        gpuSeconds: [15, 180],
        gpuMemoryBytes: [10e9, 60e9],
        because: "a 4 G parameter model on one H200 takes 7 s without checks, 15–180 s with them",
      };
}

/**
 * What answering prompts costs before it was ever done: a load and a calibration, then a forward pass a token, three
 * times over: unquantized, as a control, and in the plan's formats. Of a CPU it was measured.
 */
export function expectedAnswers(
  device: "cpu" | "cuda",
  prompts: number,
  tokens: number,
): ExpectedCost {
  const work = { prompts, tokens };
  const most = 3 * prompts * tokens;
  return device === "cpu"
    ? {
        work,
        gpuSeconds: [2, 20 + 0.05 * most],
        because: "a tiny model on a CPU takes 0.01–0.05 s a token",
      }
    : {
        work,
        gpuSeconds: [20, 90 + 0.15 * most],
        gpuMemoryBytes: [10e9, 40e9],
        because: "guessed: 0.03–0.15 s a token of a 4 G parameter model",
      };
}

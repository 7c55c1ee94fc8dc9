/*
 * What the parts of a scoring job take, in seconds, as they were measured on one H200: Qwen3-VL-4B, language layers
 * and output head, steps of 8 x 512 tokens (docs/gpu.md, "Where scoring spends its time"). Another machine, or another
 * version, has other figures: they are all that has to be changed.
 */
export interface Parts {
  /** Until the first job starts: aqm's own start, and finding the environment. */
  readonly start: number;
  /** A runner starts and imports the libraries; one that is kept for its next job does so once. */
  readonly imports: number;
  /** A job loads the checkpoint and the data, reads and writes: once for all its formats. */
  readonly load: number;
  /** Quantizers of a format are inserted, its weights' ranges found. */
  readonly insert: number;
  /** A step of the walk that finds the ranges of inputs: once for all formats of a job. */
  readonly walkStep: number;
  /** A step of scoring: what all formats of a job share, and what each has of its own. */
  readonly scoreStep: number;
  readonly scoreStepOfFormat: number;
  /** Part of a format's own time that those with the same weights share in a job. */
  readonly sharedByAlike: number;
}

export const MEASURED: Parts = {
  start: 0.7,
  imports: 7.5,
  load: 3.6, // 1.6 s of it the checkpoint; inputs are read, outputs written
  insert: 0.26, // 1.7 s, and 2.4 s of the 6.4 s for ranges, for 16 formats of 4 by 4 quantizers
  walkStep: 0.25,
  scoreStep: 0.62, // 1.82 s a step for 16 formats; two jobs of 8 formats took 28 s each
  scoreStepOfFormat: 0.075,
  sharedByAlike: 0, // not measured
};

/** Formats that are scored on one set of samples: a group, in the words of the engine. */
export interface Scoring {
  readonly name: string;
  readonly steps: number;
  /** What the weights of each format are quantized to. */
  readonly formats: readonly string[];
}

/** What one part of a job came to. */
export type Spent = Readonly<Record<"imports" | "load" | "insert" | "walk" | "score", number>>;

/**
 * The time of a job of these formats, part by part: of the process that ends last.
 *
 * @param devices that share the steps out; but for the first one, each has a process that starts with the job
 */
export function spentBy(
  parts: Parts,
  steps: number,
  formats: readonly string[],
  cold: boolean,
  devices: number,
): Spent {
  const mine = Math.ceil(steps / devices);
  const kinds = new Set(formats).size;
  const own = formats.length - parts.sharedByAlike * (formats.length - kinds);
  return {
    imports: cold || devices > 1 ? parts.imports : 0,
    load: parts.load,
    insert: parts.insert * own,
    walk: parts.walkStep * mine,
    score: (parts.scoreStep + parts.scoreStepOfFormat * own) * mine,
  };
}

export const secondsOf = (spent: Spent): number =>
  Object.values(spent).reduce((sum, one) => sum + one, 0);

const WEIGHTS = ["int4", "int8", "fp8", "nvfp4"];

/** Four formats of weights by four of activations, on 128 samples. */
export const PAIRS: Scoring = {
  name: "16 pairs, medium",
  steps: 16,
  formats: WEIGHTS.flatMap((weight) => Array.from({ length: 4 }, () => weight)),
};

/** The same with a few samples, and with many. */
export const SIZES: readonly Scoring[] = [
  { ...PAIRS, name: "16 pairs, small", steps: 2 },
  PAIRS,
  { ...PAIRS, name: "16 pairs, large", steps: 64 },
];

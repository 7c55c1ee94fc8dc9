import type { PairQuantizers } from "../formats/quantizer.ts";
import { chargedBits, storedBits } from "../formats/storage.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { failed, type Analysed } from "../result/result.ts";
import { isPyObject, type PyJson } from "../python-json/value.ts";
import { writePythonJson } from "../python-json/write.ts";
import type { Scores } from "../scores/scores.ts";
import { problemFromScores } from "../solve/problem-from-scores.ts";
import type { BitProblem } from "../solve/problem.ts";

/** A format that a plan may choose, with its measured scores. */
export interface PlanCandidate {
  /** What the plan, its rules and reports call it. */
  readonly name: string;
  readonly quantizers: PairQuantizers;
  readonly algorithm: "max" | null;
  readonly scores: Scores;
  /** The manifest made from the same scores. */
  readonly manifest: Manifest;
}

/**
 * How a format's bits are counted. `charged`: as ModelOpt's search does, the least width of weight and input.
 * `stored`: what a weight takes on the disk, block scales included; the few scales of rows and
 * tensors are left out, since scores do not tell shapes.
 */
export type BitCount = "charged" | "stored";

export function countedBits(quantizers: PairQuantizers, count: BitCount): number {
  return count === "charged" ? chargedBits(quantizers) : storedBits(quantizers.weight);
}

/**
 * The problem of choosing among these candidates, or none, for every layer group. Refused unless all were
 * measured alike: sums over other samples, or from another checkpoint, say nothing about each other.
 */
export function problemFromCandidates(
  candidates: readonly [PlanCandidate, ...PlanCandidate[]],
  count: BitCount,
): Analysed<BitProblem> {
  const [first, ...others] = candidates;
  const names = new Set<string>();
  for (const { name } of candidates) {
    if (names.has(name)) {
      return failed("wrong_structure", name, `The candidate ${name} is given twice. Give it once.`);
    }
    names.add(name);
  }
  const formats = new Map<string, string>();
  for (const { name, quantizers, algorithm } of candidates) {
    const format = JSON.stringify([quantizers, algorithm]);
    const twin = formats.get(format);
    if (twin !== undefined) {
      const what = `The candidates ${twin} and ${name} are the same format`;
      return failed(
        "wrong_structure",
        name,
        `${what}, so the second is never chosen. Leave it out.`,
      );
    }
    formats.set(format, name);
  }
  const basis = basisOf(first);
  for (const other of others) {
    const differing = basisOf(other).find(([, value], index) => value !== basis[index]?.[1]);
    if (differing === undefined) continue;
    const [what, value] = differing;
    const expected = basis.find(([field]) => field === what)?.[1] ?? "";
    return failed(
      "basis_differs",
      other.name,
      `The scores of ${first.name} and ${other.name} do not compare: ${what} is ${expected} of the first and ${value} of the second. Measure both on the same checkpoint, samples and settings.`,
    );
  }
  return problemFromScores([
    asNamed(first, count),
    ...others.map((other) => asNamed(other, count)),
  ]);
}

const asNamed = ({ name, quantizers, scores }: PlanCandidate, count: BitCount): Scores => ({
  ...scores,
  format: { ...scores.format, name, bits: countedBits(quantizers, count) },
});

/** What must be equal for scores to compare, by the name that messages use. */
function basisOf({ scores, manifest }: PlanCandidate): readonly (readonly [string, string])[] {
  const { measured } = scores;
  const scheme = manifest.json.get("scheme");
  const dataset = manifest.json.get("dataset");
  const said = (value: PyJson | undefined): string =>
    value === undefined ? "not said" : writePythonJson(value).replace(/\s+/g, " ");
  return [
    ["the model", manifest.modelId ?? "not said"],
    ["the scope", scores.scope],
    ["the engine", scores.engine],
    ["the method", scores.method],
    ["the number of samples scored", String(measured.scoreSamples)],
    ["the number of batches scored", String(measured.scoreBatches)],
    ["the number of tokens scored", String(measured.scoreTokens)],
    ["the number of samples calibrated with", String(measured.calibrationSamples)],
    ["the number of batches calibrated with", String(measured.calibrationBatches)],
    ["the batch size", String(measured.batchSize)],
    ["the sequence length", String(measured.sequenceLength)],
    ["the score size", isPyObject(scheme) ? said(scheme.get("auto_quantize_score_size")) : ""],
    ["the calibration data", said(dataset)],
  ];
}

import { expect, it } from "vitest";
import { buildManifest } from "../../src/analysis/manifest/build-manifest.ts";
import { readScores } from "../../src/analysis/scores/read-scores.ts";
import {
  problemFromCandidates,
  type PlanCandidate,
} from "../../src/analysis/bit-plan/plan-candidates.ts";
import { pair } from "./configs.ts";
import { expectFailure, expectValue, scoresText, smallFigures } from "./figures.ts";

function candidate(name: string, modelId = "models/x", overrides = {}): PlanCandidate {
  const scores = expectValue(readScores(scoresText(smallFigures, overrides)));
  const source = { kind: "captions", path: "captions.txt" } as const;
  const dataset = { name: "d", size: "small", root: "data", source, maxCalibSamples: 16 };
  const scheme = { name, effectiveBits: 12, scoreSize: 128 };
  const manifest = expectValue(buildManifest({ scores, scheme, modelId, dataset }));
  const { quantizers, algorithm } = pair(name);
  return { name, quantizers, algorithm, scores, manifest };
}

const fp8 = candidate("wfp8_afp8");
const int4 = candidate("wint4_afp16");

it("counts bits as ModelOpt charges or as stored", () => {
  const bits = (count: "charged" | "stored"): readonly number[] =>
    expectValue(problemFromCandidates([fp8, int4], count))
      .groups.at(-1)
      ?.candidates.map((c) => c.bits) ?? [];
  expect(bits("charged")).toEqual([8, 4, 16]);
  expect(bits("stored")).toEqual([8, 4.25, 16]);
});

it("refuses scores that were not measured alike, and says what differs", () => {
  const measured = {
    calibration_samples: 128,
    calibration_batches: 16,
    score_samples: 16,
    score_batches: 2,
    score_tokens: 2000,
    batch_size: 8,
    sequence_length: 512,
  };
  const refused = (other: PlanCandidate): string => {
    const failure = expectFailure(problemFromCandidates([fp8, other], "charged"));
    expect(failure).toMatchObject({ reason: "basis_differs", where: "wint4_afp16" });
    return failure.message;
  };
  expect(refused(candidate("wint4_afp16", "models/x", { measured }))).toContain(
    "the number of samples scored is 128 of the first and 16 of the second",
  );
  expect(refused(candidate("wint4_afp16", "models/y"))).toContain("the model is models/x");
  expect(refused(candidate("wint4_afp16", "models/x", { method: "kl_div" }))).toContain("method");
  expect(expectFailure(problemFromCandidates([fp8, fp8], "charged")).message).toContain("twice");
  const twin = { ...fp8, name: "another" };
  expect(expectFailure(problemFromCandidates([fp8, twin], "charged")).message).toContain(
    "are the same format",
  );
});

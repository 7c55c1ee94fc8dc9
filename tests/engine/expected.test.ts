import { describe, expect, it } from "vitest";
import { expectedPlanQuality, expectedScoring, expectedWeightError } from "../../rules/expected.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import type { ExpectedCost } from "../../src/model/declaration.ts";
import { estimateFrom } from "../../src/plan/estimate.ts";
import { graphOf } from "./support/graphs.ts";
import { defined, only } from "./support/results.ts";

/* What the rules say of growth, held against runs that were measured at two sizes. */

/** What a run of `then` that took so long tells of `now`, in seconds. */
function predicted(then: ExpectedCost, seconds: number, now: ExpectedCost, gpus: number): number {
  const sketch = { makes: "a", gpu: gpus, expected: now };
  const node = only(graphOf(sketch).actions);
  const record = {
    action: { op: { name: "ops/copy.ts" }, params: {} },
    cost: {
      ...{ seconds, gpu_seconds: gpus * seconds, peak_gpu_memory_bytes: null },
      scale: { together: 1, gpus, input_bytes: 1 },
    },
    facts: then.work ?? {},
    input_paths: {},
    audit: [],
  } as unknown as ActionRecord;
  const estimate = estimateFrom({ record: () => record, runs: () => [], inputBytes: () => 1 });
  return defined(estimate(node)).seconds.likely;
}

const scoring = (device: "cpu" | "cuda", samples: number, batchSize: number): ExpectedCost =>
  expectedScoring({ samples, batchSize, scoreSize: 128, device });
const CPU_RUN = scoring("cpu", 128, 1);
const weightError = (samples: number, batchSize: number): ExpectedCost =>
  expectedWeightError({ samples, batchSize, device: "cpu" });

describe("a prediction from a run of another size", () => {
  it.each([
    // docs/gpu.md, 16 pairs in one job on one H200. By steps alone: 8.6 s and 6.1 s.
    ["H200: 128 samples → 16", scoring("cuda", 128, 8), 69, scoring("cuda", 16, 8), 22],
    ["H200: batches of 8 → 128", scoring("cuda", 128, 8), 97, scoring("cuda", 128, 128), 52],
    // The trained model alone on two cores. By steps alone: 3.9, 1.0, 78, 9.8 and 2.5 s.
    ["CPU: batches of 1 → 8", CPU_RUN, 31.4, scoring("cpu", 128, 8), 10.4],
    ["CPU: batches of 1 → 32", CPU_RUN, 31.4, scoring("cpu", 128, 32), 12.9],
    ["CPU: 128 samples → 512", CPU_RUN, 31.4, scoring("cpu", 512, 1), 38.2],
    ["CPU: 128 → 512 samples in batches of 8", CPU_RUN, 31.4, scoring("cpu", 512, 8), 18.8],
    ["CPU: 128 → 512 samples in batches of 32", CPU_RUN, 31.4, scoring("cpu", 512, 32), 12.7],
    ["weight_error, CPU: 128 samples → 512", weightError(128, 8), 4.3, weightError(512, 8), 7.6],
    ["weight_error, CPU: 128 samples → 16", weightError(128, 8), 4.3, weightError(16, 1), 3.3],
    // By plans alone: 3,066 s.
    [
      "H200: 1 plan → 105",
      expectedPlanQuality("cuda", 1),
      29.2,
      expectedPlanQuality("cuda", 105),
      62.6,
    ],
  ])("is within a quarter of what was measured: %s", (name, then, seconds, now, measured) => {
    const told = predicted(then, seconds, now, name.includes("CPU") ? 0 : 1);
    expect(told / measured).toBeGreaterThan(0.8);
    expect(told / measured).toBeLessThan(1.25);
  });
});

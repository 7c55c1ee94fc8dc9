import { expect, it } from "vitest";
import { deviceMemoryNeeded } from "../../src/plan/device-memory.ts";
import type { Estimate } from "../../src/plan/estimate.ts";
import { graphOf } from "./support/graphs.ts";

/* What a job needs on each of its devices, by which other people's processes are waited for. */

const interval = (likely: number) => ({ low: likely / 2, likely, high: likely * 2 });

const needed = (gpu: number, ...told: readonly (Partial<Estimate> | null)[]): number | null => {
  const { actions } = graphOf(
    ...told.map((_, n) => ({ makes: `a${n}`, python: "py", gpu, params: { n } })),
  );
  return deviceMemoryNeeded(actions, ({ declaration: { params } }) => {
    const estimate = told[params["n"] as number];
    return estimate
      ? {
          ...{ seconds: interval(1), gpuSeconds: interval(1), gpuMemoryBytes: interval(20e9) },
          ...{ together: 1, gpus: 1, basis: "own" as const },
          ...estimate,
        }
      : null;
  });
};

it("is that of the largest member as it was measured, and what a process has beside its tensors", () => {
  expect(needed(1, {})).toBe(21e9);
  expect(needed(1, { gpuMemoryBytes: interval(5e9), basis: "similar" }, {})).toBe(21e9);
});

it("is the least that a rule expects where nobody has measured it", () => {
  expect(needed(1, { basis: "prior" })).toBe(11e9);
});

it("is shared out over the devices of a job, and the fullest of several was measured", () => {
  expect(needed(2, {})).toBe(11e9);
  expect(needed(2, { gpus: 2 })).toBe(21e9);
  expect(needed(1, { gpus: 2 })).toBe(41e9);
});

it("is not known where it is known of no member", () => {
  expect(needed(1, null, { gpuMemoryBytes: null })).toBeNull();
  expect(needed(1)).toBeNull();
});

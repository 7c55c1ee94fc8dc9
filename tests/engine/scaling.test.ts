import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { curve, curveTable, ONE_TO_EIGHT, report } from "../scaling/curve.ts";
import { MEASURED, PAIRS, SIZES, type Scoring } from "../scaling/parts.ts";
import { simulate, type World } from "../scaling/simulation.ts";

/* The simulation of a build over several GPUs: it is worth what the scheduler does in it, and no more. */

/** Each format takes what its name says, and nothing is shared. */
const plain: World = {
  ...{ start: 0, shared: 0, sharesSteps: false },
  spent: (_group, formats) => ({
    ...{ imports: 0, load: 0, insert: 0, walk: 0 },
    score: formats.reduce((sum, format) => sum + Number(format), 0),
  }),
  predicted: (_group, format) => Number(format),
};

const group = (...formats: readonly number[]): Scoring => ({
  ...{ name: "g", steps: 1 },
  formats: formats.map(String),
});

describe("where nothing is shared, the simulated build takes what the best one takes by hand", () => {
  it.each<[gpus: number, formats: readonly number[], seconds: number]>([
    [1, [3, 2, 2, 1], 8],
    [2, [3, 2, 2, 1], 4], // 3 + 1, 2 + 2
    [2, [8, 7, 6, 5, 4], 15], // 8 + 7, 6 + 5 + 4
    [3, [9, 1, 1, 1, 1, 1, 1, 1, 1, 1], 9], // 9, 5 times 1, 4 times 1
    [3, [6, 6, 6, 6], 12],
    [4, [4, 4, 4, 4], 4],
    [8, Array.from({ length: 16 }, () => 1), 2],
    [5, Array.from({ length: 16 }, () => 1), 4],
  ])("%i devices, formats of %j s", (gpus, formats, seconds) => {
    expect(simulate([group(...formats)], gpus, plain).seconds).toBe(seconds);
  });
});

describe("the simulation", () => {
  it("has every format once, and never two jobs on a device at a time", () => {
    for (let gpus = 1; gpus <= 8; gpus++) {
      const { jobs } = simulate(SIZES, gpus, {
        ...plain,
        spent: (_group, formats) => ({
          ...{ imports: 1, load: 2, insert: 0, walk: 0 },
          score: formats.length,
        }),
        predicted: ({ steps }) => steps,
      });
      expect(jobs.flatMap(({ formats }) => formats)).toHaveLength(48);
      for (const device of new Set(jobs.flatMap((job) => job.devices))) {
        const mine = jobs
          .filter(({ devices }) => devices.includes(device))
          .sort((a, b) => a.begin - b.begin);
        mine
          .slice(1)
          .forEach((job, at) => expect(job.begin).toBeGreaterThanOrEqual(mine[at]?.end ?? 0));
      }
    }
  });

  it("keeps formats of the same weights in one job, as builds do", () => {
    const { jobs } = simulate([PAIRS], 4, { ...plain, predicted: () => 1, spent: plain.spent });
    for (const { formats } of jobs) expect(new Set(formats).size).toBe(1);
  });

  it("is as the measured parts say on one device, and slower on none of more", () => {
    for (const groups of [[PAIRS], SIZES]) {
      const points = curve(groups);
      for (const [at, point] of points.entries())
        expect(point.seconds).toBeLessThanOrEqual((points[at - 1]?.seconds ?? Infinity) + 1e-9);
    }
    const [one] = curve([PAIRS], [1]);
    const { imports, load, walkStep, insert, scoreStep, scoreStepOfFormat, start } = MEASURED;
    const step = walkStep + scoreStep + 16 * scoreStepOfFormat;
    expect(one?.seconds).toBeCloseTo(start + imports + load + 16 * insert + 16 * step, 6);
  });

  it("prints the curve that docs/gpu.md shows", () => {
    const page = readFileSync(new URL("../../docs/gpu.md", import.meta.url), "utf8");
    const rows = (table: string): readonly string[] =>
      table.split("\n").map((row) => row.replaceAll(/ +/g, " ").trim());
    const shown = rows(page);
    for (const row of rows(curveTable(curve([PAIRS], [...ONE_TO_EIGHT, 16])))) {
      if (!row.startsWith("| ---")) expect(shown).toContain(row);
    }
    expect(report()).toContain("16 pairs, small, medium and large");
  });
});

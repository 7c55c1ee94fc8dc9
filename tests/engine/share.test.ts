import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jobsFor, shareOut, type Part, type Room } from "../../src/schedule/share.ts";
import type { UnitLoad } from "../../src/plan/shared-devices.ts";
import { together } from "../../src/plan/estimate.ts";

/* How a group is shared out over devices, held against every way in which it could be. */

type Shares = readonly (readonly number[])[];

const part = fc.record<Part>({
  seconds: fc.integer({ min: 1, max: 50 }),
  alike: fc.constantFrom("a", "b", "c", null),
});
const parts = fc.array(part, { minLength: 1, maxLength: 7 });
const room = fc.record<Room>({
  jobs: fc.integer({ min: 1, max: 3 }),
  most: fc.constantFrom(2, 3, Infinity),
  shared: fc.constantFrom(0, 0.5, 0.9),
});

const longest = (all: readonly Part[], shares: Shares, shared: number): number =>
  Math.max(
    ...shares.map((share) => {
      const alone = share.map((member) => all[member]?.seconds ?? 0);
      return together(
        Math.max(...alone),
        alone.reduce((a, b) => a + b, 0),
        shared,
      );
    }),
  );

const kinds = (all: readonly Part[], shares: Shares): number =>
  shares.reduce(
    (sum, share) => sum + new Set(share.map((member) => all[member]?.alike ?? member)).size,
    0,
  );

/** Every way to put so many members into at most so many jobs. */
function everyWay(members: number, jobs: number, most: number): readonly Shares[] {
  let ways: (readonly (readonly number[])[])[] = [[]];
  for (let member = 0; member < members; member++) {
    ways = ways.flatMap((way) => [
      ...way.flatMap((share, at) =>
        share.length < most ? [way.with(at, [...share, member])] : [],
      ),
      ...(way.length < jobs ? [[...way, [member]]] : []),
    ]);
  }
  return ways;
}

const jobsOf = (all: readonly Part[], { jobs, most }: Room): number =>
  Math.max(jobs, Math.ceil(all.length / most));

const every = (holds: (all: readonly Part[], room: Room, shares: Shares) => void): void => {
  fc.assert(
    fc.property(parts, room, (all, limits) => holds(all, limits, shareOut(all, limits))),
    { numRuns: 500 },
  );
};

describe("shares of a group", () => {
  it("have each member once, no more in one than may be, and no more shares than that needs", () => {
    every((all, limits, shares) => {
      expect(shares.flat().sort((a, b) => a - b)).toEqual(all.map((_, member) => member));
      for (const share of shares) expect(share.length).toBeLessThanOrEqual(limits.most);
      expect(shares.length).toBeLessThanOrEqual(jobsOf(all, limits));
    });
  });

  it("are at most a third longer than the shortest there are, and mostly not 5 % longer", () => {
    let [near, count] = [0, 0];
    every((all, limits, shares) => {
      const ways = everyWay(all.length, jobsOf(all, limits), limits.most);
      const best = Math.min(...ways.map((way) => longest(all, way, limits.shared)));
      const mine = longest(all, shares, limits.shared);
      expect(mine).toBeLessThanOrEqual((best * 4) / 3 + 1e-6);
      count += 1;
      if (mine <= best * 1.0501) near += 1;
    });
    expect(near / count).toBeGreaterThan(0.9);
  });

  it("of members that take equally long are as short as can be, and split few kinds", () => {
    every((drawn, limits) => {
      const all = drawn.map((one) => ({ ...one, seconds: 10, alike: one.alike ?? "d" }));
      const shares = shareOut(all, limits);
      const ways = everyWay(all.length, jobsOf(all, limits), limits.most);
      const best = Math.min(...ways.map((way) => longest(all, way, limits.shared)));
      expect(longest(all, shares, limits.shared)).toBeLessThanOrEqual(best * 1.0501);
      const different = new Set(all.map(({ alike }) => alike)).size;
      expect(kinds(all, shares)).toBeLessThan(different + shares.length);
    });
  });

  it("take one of which nothing is known for one like the others", () => {
    const seconds = [10, null, 30, null];
    const all = seconds.map((one) => ({ seconds: one, alike: null }));
    expect(shareOut(all, { jobs: 2, most: Infinity, shared: 0 })).toEqual(
      shareOut(
        seconds.map((one) => ({ seconds: one ?? 20, alike: null })),
        { jobs: 2, most: Infinity, shared: 0 },
      ),
    );
  });

  const grid = ["int4", "int8", "fp8", "nvfp4"].flatMap((alike) =>
    Array.from({ length: 4 }, () => ({ seconds: 44, alike })),
  );
  it.each([
    [1, [16], 4],
    [2, [8, 8], 4],
    [3, [6, 6, 4], 5],
    [4, [4, 4, 4, 4], 4],
    [8, [2, 2, 2, 2, 2, 2, 2, 2], 8],
  ])("of 16 pairs with four formats of weights, on %i devices", (jobs, sizes, split) => {
    const shares = shareOut(grid, { jobs, most: Infinity, shared: 0.9 });
    expect(shares.map(({ length }) => length)).toEqual(sizes);
    expect(kinds(grid, shares)).toBe(split);
  });

  it("of hundreds are made in no time", () => {
    const many = Array.from({ length: 2000 }, (_, n) => ({
      seconds: n % 97,
      alike: String(n % 7),
    }));
    const shares = shareOut(many, { jobs: 8, most: Infinity, shared: 0.9 });
    expect(shares.flat()).toHaveLength(2000);
  });
});

describe("free jobs among groups", () => {
  const load = (members: number, each: number, shared = 0.9): UnitLoad => ({
    ...{ members, shared, longest: each },
    sum: each * members,
  });

  it.each<[what: string, jobs: number, mine: number, others: readonly UnitLoad[]]>([
    ["all where no other waits", 4, 4, []],
    ["one where there are as many others", 2, 1, [load(16, 44)]],
    ["those that shorter ones do not need", 3, 2, [load(16, 10), load(16, 5)]],
    ["one where others would be left over for the end", 2, 1, [load(16, 30), load(16, 30)]],
    ["one where it is not the one that takes longest", 3, 1, [load(16, 200)]],
  ])("are %s", (_what, jobs, mine, others) => {
    expect(jobsFor(load(16, 44), others, jobs)).toBe(mine);
  });

  it("are never more than there are, nor more than members", () => {
    const unit = fc
      .tuple(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(0, 0.5, 0.99),
      )
      .map(([members, each, shared]) => load(members, each, shared));
    fc.assert(
      fc.property(
        unit,
        fc.array(unit, { maxLength: 5 }),
        fc.integer({ min: 1, max: 8 }),
        (...all) => {
          const [mine, , jobs] = all;
          const given = jobsFor(...all);
          expect(given).toBeGreaterThanOrEqual(1);
          expect(given).toBeLessThanOrEqual(Math.min(jobs, mine.members));
        },
      ),
    );
  });
});

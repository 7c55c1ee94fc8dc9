import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sharedDevices, type Claim } from "../../src/plan/shared-devices.ts";
import { devicesFor } from "../../src/schedule/share.ts";
import { runs } from "../rig/wide.ts";

/** What takes `fixed` on each device, and `shared` that is spread over them. */
const claim = (fixed: number, shared: number, most: number, least = 1): Claim => ({
  ...{ least, most },
  seconds: (devices) => fixed + shared / devices,
});
const lone = (seconds: number): Claim => claim(seconds, 0, 1);

const claims = fc.array(
  fc
    .tuple(fc.nat(50), fc.nat(200), fc.integer({ min: 1, max: 2 }), fc.nat(8))
    .map(([fixed, shared, least, more]) => claim(fixed, shared, least + more, least)),
  { maxLength: 8 },
);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

describe("devices among all that waits", () => {
  it("are enough for each or none is given, and none is left that somebody can use", () => {
    fc.assert(
      fc.property(claims, fc.nat(16), (all, devices) => {
        const given = sharedDevices(all, devices);
        if (sum(all.map(({ least }) => least)) > devices) {
          expect(given).toBe(null);
          return;
        }
        expect(given).toHaveLength(all.length);
        const numbers = given ?? [];
        expect(sum(numbers)).toBeLessThanOrEqual(devices);
        all.forEach(({ least, most }, at) => {
          expect(numbers[at]).toBeGreaterThanOrEqual(least);
          expect(numbers[at]).toBeLessThanOrEqual(most);
        });
        const canUse = sum(all.map(({ most }) => most));
        expect(sum(numbers)).toBe(Math.min(devices, canUse));
      }),
      { numRuns: runs(300) },
    );
  });

  it("go to what takes longest", () => {
    expect(sharedDevices([claim(0, 90, 8), claim(0, 30, 8), lone(5)], 6)).toEqual([4, 1, 1]);
    expect(sharedDevices([claim(20, 80, 3), claim(20, 80, 8)], 8)).toEqual([3, 5]);
  });
});

describe("devices of the unit whose turn it is", () => {
  const search = claim(24, 97, 8);

  it.each([
    ["alone", [], 8, 8],
    ["beside one that is alike", [search], 8, 4],
    ["beside one that is alike and three short ones", [search, lone(5), lone(5), lone(5)], 8, 2],
    ["beside one that takes one device for long, which leaves the rest", [lone(100)], 8, 7],
    ["beside as many as there are devices", Array<Claim>(7).fill(search), 8, 1],
    ["beside one that needs two devices", [claim(60, 0, 2, 2)], 4, 2],
    ["where all others are over soon", [lone(2), lone(2), lone(2)], 2, 2],
  ])("%s", (_where, others, devices, expected) => {
    expect(devicesFor(search, others, devices)).toBe(expected);
  });

  it("never leaves idle what the others cannot use", () => {
    fc.assert(
      fc.property(claims, fc.integer({ min: 1, max: 16 }), (others, devices) => {
        const mine = devicesFor(search, others, devices);
        expect(mine).toBeGreaterThanOrEqual(1);
        expect(mine).toBeLessThanOrEqual(Math.min(devices, search.most));
        const left = sharedDevices(others, devices - mine);
        if (left === null || mine === search.most) return;
        expect(mine + sum(left)).toBe(devices);
      }),
      { numRuns: runs(300) },
    );
  });
});

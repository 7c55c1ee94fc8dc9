import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { didYouMean, nearestName } from "../../src/model/nearest-name.ts";

describe("the nearest name", () => {
  it.each([
    ["biuld", "build"], // two neighbours swapped
    ["buil", "build"],
    ["buildd", "build"],
    ["bulid", "build"],
    ["wathc", "watch"],
  ])("of %s is %s", (typed, meant) => {
    expect(nearestName(typed, ["clean", "watch", "build", "list"])).toBe(meant);
  });

  it("is none when nothing is close, or there is nothing", () => {
    expect(nearestName("environment", ["build", "list"])).toBeUndefined();
    expect(nearestName("build", [])).toBeUndefined();
    expect(didYouMean("environment", ["build"])).toBeUndefined();
  });

  it("takes the first of equally close ones", () => {
    expect(nearestName("cat", ["bat", "hat"])).toBe("bat");
  });

  it("is said as a question", () => {
    expect(didYouMean("lits", ["list"])).toBe("Did you mean list?");
  });

  it("forgives any single typing mistake in a longer name", () => {
    const letters = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...letters), minLength: 4, maxLength: 12 }),
        fc.nat(),
        fc.constantFrom("drop", "double", "swap", "replace"),
        (name, at, mistake) => {
          const i = at % (name.length - 1);
          const [front, one, two, rest] = [
            name.slice(0, i),
            name[i],
            name[i + 1],
            name.slice(i + 2),
          ];
          const typed = {
            drop: `${front}${two}${rest}`,
            double: `${front}${one}${one}${two}${rest}`,
            swap: `${front}${two}${one}${rest}`,
            replace: `${front}z${two}${rest}`,
          }[mistake];
          expect(nearestName(typed, ["quite-something-else", name])).toBe(name);
        },
      ),
    );
  });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { columnsOf } from "../../src/ui/columns.ts";
import { ShortNames } from "../../src/ui/short-names.ts";

/* What a line of limited width calls a target. */

const RUNS = ["model_fp8_lm_small", "model_fp8_lm_large", "model_fp8_all_small"];
const TARGETS = [
  "models/model/checkpoints/tiny",
  ...RUNS.map((run) => `models/model/analysis/fp8/${run}/sensitivity-scores.json`),
];
const [, SMALL = ""] = TARGETS;

function names(targets: readonly string[]): ShortNames {
  const short = new ShortNames();
  short.set(targets);
  return short;
}

it("is the whole name where there is room", () => {
  expect(names(TARGETS).of(SMALL, SMALL.length)).toBe(SMALL);
});

it("leaves out the folders that tell it from no other target", () => {
  expect(names(TARGETS).of(SMALL, 60)).toBe("…/model_fp8_lm_small/sensitivity-scores.json");
  expect(names(TARGETS).of(TARGETS[0] ?? "", 20)).toBe("…/tiny");
});

it("then leaves out what its folder has in common with those beside it", () => {
  expect(names(TARGETS).of(SMALL, 40)).toBe("…lm_small/sensitivity-scores.json");
  expect(names(TARGETS).of(TARGETS[3] ?? "", 40)).toBe("…all_small/sensitivity-scores.json");
});

it("then has its file cut, as long as the folder leaves a third of the room to it; else its middle", () => {
  expect(names(TARGETS).of(SMALL, 26)).toBe("…lm_small/sensi…cores.json");
  expect(names(TARGETS).of(SMALL, 12)).toBe("…lm_…es.json");
});

it("is cut in the middle where the target is not known", () => {
  expect(names([]).of(SMALL, 20)).toBe("models…y-scores.json");
});

it("is never too wide, and names one target alone as long as folders can tell them apart", () => {
  const part = fc.constantFrom("a", "run_1", "run_2", "report", "x".repeat(12));
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
  fc.assert(
    fc.property(fc.uniqueArray(path, { minLength: 2, maxLength: 12 }), fc.nat(60), (all, width) => {
      const short = names(all);
      for (const target of all) {
        const name = short.of(target, width);
        expect(columnsOf(name)).toBeLessThanOrEqual(width);
        if (!name.startsWith("…/") || name.slice(2).includes("…")) continue;
        const tail = name.slice(1);
        expect(all.filter((other) => `/${other}`.endsWith(tail))).toEqual([target]);
      }
    }),
  );
});

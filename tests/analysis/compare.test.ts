import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareSubjects } from "../../src/analysis/compare/compare.ts";
import { comparisonSet } from "../../src/analysis/compare/comparison-set.ts";
import { comparisonSetText } from "../../src/analysis/compare/comparison-set-text.ts";
import { comparisonText } from "../../src/analysis/compare/comparison-text.ts";
import { placesOf, rankCorrelation } from "../../src/analysis/compare/rank-correlation.ts";
import { readSubject, type Subject } from "../../src/analysis/compare/subject.ts";
import { expectValue, scoresText, smallFigures } from "./figures.ts";

/** A manifest as aqm writes them, of layers `l0`, `l1` … with these scores. */
function manifest(
  scores: readonly number[],
  { samples = 16, loss = "batch_mean", format = "F8", budget = 12, none = 0 } = {},
): string {
  const layers = Object.fromEntries(
    [...scores, ...Array<null>(none).fill(null)].map((score, index) => [
      `model.l${index}.quant_recipe`,
      score === null
        ? { formats: ["NONE(effective-bits: 16.0)"], scores: [0.5], costs: [100.5] }
        : {
            formats: [`${format}(effective-bits: 8.0)`, "NONE(effective-bits: 16.0)"],
            scores: [score, 0],
            costs: [50, 100],
          },
    ]),
  );
  return JSON.stringify({
    scheme: { name: "s", auto_quantize_bits: budget, auto_quantize_method: "gradient" },
    model: { id: "/somebody/models/M" },
    autoquant_state: { constraints: { effective_bits: 12.5 }, score: 1.5, is_satisfied: true },
    layer_sensitivity: layers,
    dataset: {
      name: "d",
      size: "small",
      captions_path: "/somebody/c.txt",
      num_calib_samples: samples,
      batch_size: 8,
      calib_seq_len: 512,
      num_calib_batches: 2,
    },
    aqm: { schema: 1, scope: "lm", raw_scores: { samples, batches: 2, tokens: 99, loss } },
  });
}

const subject = (...args: Parameters<typeof manifest>): Subject =>
  expectValue(readSubject(manifest(...args), "x"));
const compared = (a: Subject, b: Subject, budgets: readonly number[] = []) =>
  expectValue(compareSubjects(a, b, { budgets, most: 3 }));

describe("rank correlation", () => {
  it("gives equals the mean of their places, the largest first", () => {
    expect(placesOf([5, 1, 5, 7])).toEqual([2.5, 4, 2.5, 1]);
    expect(placesOf([])).toEqual([]);
  });

  // Values of scipy.stats.spearmanr and kendalltau (variant b), SciPy 1.17.1.
  it.each([
    [[12, 2, 1, 12, 2], [1, 4, 7, 1, 0], -0.5407380704358752, -0.4714045207910316],
    [[1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826816681233, 0.7378647873726218],
    [[1, 2, 3], [3, 2, 1], -1, -1],
    [[0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 3], 0.8616404368553291, 0.8006407690254358],
  ])("of %j and %j is SciPy's", (a, b, spearman, kendall) => {
    const found = rankCorrelation(a, b);
    expect(found.spearman).toBeCloseTo(spearman, 12);
    expect(found.kendall).toBeCloseTo(kendall, 12);
  });

  it("is undefined where a side has no order", () => {
    expect(rankCorrelation([1, 1], [1, 2])).toEqual({ count: 2, spearman: null, kendall: null });
    expect(rankCorrelation([], [])).toEqual({ count: 0, spearman: null, kendall: null });
    expect(rankCorrelation([1], [1])).toEqual({ count: 1, spearman: null, kendall: null });
  });

  it("is 1 with itself, the same both ways, turned round by turning one side, blind to scale", () => {
    const pairs = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 })),
      { minLength: 2, maxLength: 30 },
    );
    fc.assert(
      fc.property(pairs, (list) => {
        const [a, b] = [list.map(([x]) => x), list.map(([, y]) => y)];
        const found = rankCorrelation(a, b);
        expect(rankCorrelation(b, a)).toEqual(found);
        expect(
          rankCorrelation(
            a.map((x) => 3 * x + 1),
            b.map((y) => y ** 3),
          ),
        ).toEqual(found);
        const turned = rankCorrelation(
          a.map((x) => -x),
          b,
        );
        for (const name of ["spearman", "kendall"] as const) {
          const value = found[name];
          if (value === null) expect(turned[name]).toBeNull();
          else expect(turned[name]).toBeCloseTo(-value, 12);
        }
        const self = rankCorrelation(a, a);
        if (new Set(a).size > 1) expect(self).toMatchObject({ spearman: 1, kendall: 1 });
      }),
    );
  });
});

describe("comparing two analyses", () => {
  it("says that the same are the same", () => {
    const found = compared(subject([3, 2, 1]), subject([3, 2, 1]));
    expect(found).toMatchObject({
      same: true,
      moved: [],
      settings: [],
      comparability: { refused: [] },
    });
    expect(comparisonText(found)).toContain("They are the same");
  });

  it.each<[string, (text: string) => string, string]>([
    [
      "charged bits",
      (text) => text.replace("F8(effective-bits: 8.0)", "F8(effective-bits: 4.5)"),
      "4.5 bits",
    ],
    [
      "format",
      (text) => text.replace("F8(effective-bits: 8.0)", "I8(effective-bits: 8.0)"),
      "I8 at 8 bits",
    ],
    ["weights", (text) => text.replace(/"costs":\s*\[[^\]]*\]/, '"costs":[5000,10000]'), "weights"],
    [
      "recorded search",
      (text) => text.replace(/"is_satisfied":\s*true/, '"is_satisfied":false'),
      "autoquant_state.is_satisfied",
    ],
    [
      "scores of a candidate that is not the highest",
      (text) => text.replace(/("scores":\s*\[[^,]*,)[^\]]*\]/, "$1 0.001]"),
      "scores",
    ],
  ])("never says the same of equal scores with other %s", (_what, edit, shown) => {
    const text = manifest([3, 2, 1]);
    expect(edit(text)).not.toBe(text);
    const found = compared(subject([3, 2, 1]), expectValue(readSubject(edit(text), "x")));
    expect(found.same).toBe(false);
    expect(found.ranks.spearman).toBe(1);
    expect(comparisonText(found)).toContain(shown);
    expect(comparisonText(found)).not.toContain("They are the same");
  });

  it("sees settings in a list of objects, and no difference in where scores came from", () => {
    const scores = (cfg: object, from: string): Subject => {
      const document = { ...(JSON.parse(scoresText(smallFigures)) as object) } as {
        format: Record<string, unknown>;
        taken_over?: object;
      };
      document.format["modelopt"] = { quant_cfg: [{ quantizer_name: "*", cfg }] };
      document.taken_over = { from, digest: `sha256:${"0".repeat(64)}` };
      return expectValue(readSubject(JSON.stringify(document), "x"));
    };
    expect(compared(scores({ num_bits: 8 }, "a"), scores({ num_bits: 8 }, "b")).same).toBe(true);
    const { same, settings } = compared(scores({ num_bits: 8 }, "a"), scores({ num_bits: 4 }, "a"));
    expect(same).toBe(false);
    expect(settings).toEqual([
      { field: "format.modelopt.quant_cfg.0.cfg.num_bits", a: "8", b: "4" },
    ]);
  });

  it("compares magnitudes of the same samples, loss and data, and places and shares", () => {
    const found = compared(subject([30, 20, 10, 5]), subject([30, 10, 20, 20], { format: "I8" }));
    expect(found.magnitudes).toMatchObject({ total_a: 65, total_b: 80 });
    expect(found.magnitudes?.layers[0]).toEqual({ layer: "model.l3", a: 5, b: 20 });
    expect(found.moved).toEqual([
      { layer: "model.l1", a: 2, b: 4 },
      { layer: "model.l3", a: 4, b: 2.5 },
      { layer: "model.l2", a: 3, b: 2.5 },
    ]);
    expect(found.shares[0]?.layer).toBe("model.l1");
    expect(found.top).toEqual([
      { k: 1, shared: 1 },
      { k: 3, shared: 2 },
    ]);
    expect(comparisonText(found)).toContain("1.23 times as much");
  });

  it.each([
    ["samples", { samples: 512 }, "samples: 16 in A, 512 in B"],
    ["loss", { loss: "sample_sum" }, "the loss: batch_mean in A, sample_sum in B"],
  ])("refuses magnitudes over other %s, and says so", (_, other, reason) => {
    const found = compared(subject([3, 2, 1]), subject([30, 20, 10], other));
    expect(found.magnitudes).toBeNull();
    expect(found.comparability.refused).toContain(reason);
    expect(found.ranks.spearman).toBe(1);
    const text = comparisonText(found);
    expect(text).toContain("Scores are not compared");
    expect(text).toContain(reason);
    expect(text).not.toContain("Scores that differ most");
  });

  it("refuses them where nobody recorded the samples", () => {
    const old = JSON.parse(manifest([3, 2, 1])) as Record<string, unknown>;
    delete old["dataset"];
    delete old["aqm"];
    const found = compared(
      expectValue(readSubject(JSON.stringify(old), "old")),
      subject([3, 2, 1]),
    );
    expect(found.comparability.refused).toEqual([
      "over how many samples A is summed is not recorded",
    ]);
    expect(found.magnitudes).toBeNull();
  });

  it("names settings by what they are, never by where files lie", () => {
    const text = comparisonText(
      compared(subject([3, 2, 1]), subject([3, 2, 1], { samples: 4, budget: 10 })),
    );
    expect(text).toContain("| scheme.auto_quantize_bits | 12  | 10  |");
    expect(text).not.toContain("somebody");
    expect(subject([1]).configuration.get("model.id")).toBe("M");
  });

  it("finds the layers whose choice flips, at one budget and at their own", () => {
    const found = compared(subject([4, 1, 3, 2]), subject([1, 4, 2, 3], { budget: 14 }), [12]);
    const [own, both] = found.flips;
    expect(own?.budgets).toEqual({ a: 12, b: 14 });
    expect([own?.a.quantized, own?.b.quantized]).toEqual([2, 1]);
    expect(both?.layers.map(({ layer, a }) => [layer, a])).toEqual([
      ["model.l0", "NONE"],
      ["model.l1", "F8"],
      ["model.l2", "NONE"],
      ["model.l3", "F8"],
    ]);
    // Another format alone is no flip where it is the only one on each side.
    const other = compared(subject([4, 1, 3, 2]), subject([4, 1, 3, 2], { format: "I8" }), [12]);
    expect(other.flips.map(({ layers }) => layers.length)).toEqual([0, 0]);
  });

  it("counts what only one side has, and what was never reached", () => {
    const found = compared(subject([4, 0, 0], { none: 2 }), subject([4, 1, 3, 2]));
    expect(found).toMatchObject({
      layers: { both: 3, only_a: 0, only_b: 1 },
      zeros: { a: 2, b: 0 },
    });
    expect(comparisonText(found)).toContain("2 of them score exactly 0 in A");
  });

  it("matches layers of engines that name them otherwise, by order alone", () => {
    const errors = {
      meta: {
        strategy: "mse",
        confidence_batches: 1,
        calib_samples: 3,
        calib_batch_size: 1,
        max_seq_len: 8,
      },
      fp32_fallback_sensitivity: [
        { op_name: "l0.module", mse: 5.5 },
        { op_name: "l2.module", mse: 7 },
      ],
    };
    const found = compared(
      subject([3, 2, 1]),
      expectValue(readSubject(JSON.stringify(errors), "inc")),
    );
    expect(found.layers).toEqual({ both: 2, only_a: 1, only_b: 0 });
    expect(found.ranks.spearman).toBe(-1);
    expect(found.magnitudes).toBeNull();
    expect(found.flips).toEqual([]);
    const broken = { meta: {}, fp32_fallback_sensitivity: [{}] };
    expect(readSubject(JSON.stringify(broken), "inc").ok).toBe(false);
    expect(readSubject("{}", "x")).toMatchObject({
      ok: false,
      error: { reason: "wrong_structure" },
    });
    expect(readSubject("{", "x")).toMatchObject({ ok: false, error: { reason: "not_json" } });
  });

  it("has something to say where no layer is in both", () => {
    const strange = JSON.parse(manifest([3, 2, 1])) as { layer_sensitivity: object };
    strange.layer_sensitivity = Object.fromEntries(
      Object.entries(strange.layer_sensitivity).map(([name, value]) => [
        `other.${name}`,
        value as object,
      ]),
    );
    const text = comparisonText(
      compared(subject([3, 2, 1]), expectValue(readSubject(JSON.stringify(strange), "x")), [12]),
    );
    expect(text).toContain("0 layers are measured in both (3 only in A, 3 only in B).");
    expect(text).not.toContain("Spearman");
  });

  it("sets several side by side", () => {
    const members = [
      [3, 2, 1],
      [3, 1, 2],
      [1, 2, 3],
    ].map((scores, index) => ({ label: `n${index}`, subject: subject(scores) }));
    const set = expectValue(comparisonSet(members, { budgets: [12], most: 1 }));
    const text = comparisonSetText(set, "Sizes");
    expect(text).toContain(
      "|     | n0     | n1     | n2     |\n| --- | ------ | ------ | ------ |",
    );
    expect(text).toContain("| n0  |        | 0.500  | -1.000 |");
    expect(text).toContain("| n1  | 0.500  |        | -0.500 |");
    const flipped = set.pairs[1]?.comparison.flips.find(({ budgets }) => budgets.a === 12);
    expect(flipped?.layers.length).toBeGreaterThan(0);
    expect(text).toContain("Layers chosen otherwise at 12 bits:");
    expect(text).toMatch(new RegExp(`\\| n2 .*${flipped?.layers.length} of 3`));
    expect(text).not.toContain("NONE");
    expect(text).toContain("## n0 (A) against n2 (B)");
    expect(comparisonSetText(set, "Sizes", "n2")).toContain(
      `- **n0** is not enough for the plans of n2: at 12 bits ${flipped?.layers.length} of 3 layers are chosen otherwise. Order: Spearman -1.000; 0 of the 1 most sensitive layers are its.`,
    );
    const alike = [subject([3, 2, 1]), subject([3.1, 2, 1])].map((one, index) => ({
      label: `n${index}`,
      subject: one,
    }));
    expect(
      comparisonSetText(
        expectValue(comparisonSet(alike, { budgets: [12], most: 1 })),
        "Sizes",
        "n1",
      ),
    ).toMatch(/- \*\*n0\*\* is enough for the plans of n1: at [\d. and]+ bits no layer is chosen/);
    const none = expectValue(comparisonSet([], { budgets: [], most: 1 }));
    expect(comparisonSetText(none, "Sizes")).toContain("Nothing is measured yet.");
  });
});

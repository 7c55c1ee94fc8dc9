import { describe, expect, it } from "vitest";
import {
  REPRODUCTION_TOLERANCES,
  reproductionOf,
  type AnalysisReproduction,
  type Subject,
} from "../../src/analysis/index.ts";

const BASIS = {
  model: "m",
  method: "gradient",
  data: "captions",
  samples: 16,
  batches: 2,
  tokens: 200,
  batch_size: 8,
  sequence_length: 128,
  loss: "batch_mean",
};

/** Layers with two candidates each. */
const twoFormats = (int4: readonly number[], int8: readonly number[]): Subject => ({
  ...subject(int4),
  problem: {
    groups: int4.map((score, n) => ({
      name: `layers.${n}`,
      modules: [`layers.${n}`],
      weights: 16,
      candidates: [
        { format: "INT4", bits: 4, cost: 4, score },
        { format: "INT8", bits: 8, cost: 8, score: int8[n] ?? 0 },
        { format: "NONE", bits: 16, cost: 16, score: 0 },
      ],
    })),
  },
});

/** Twenty layers, the n-th with the n-th score. */
function subject(scores: readonly number[], basis: Partial<Subject["basis"]> = {}): Subject {
  return {
    name: "x",
    kind: "scores",
    configuration: new Map(),
    results: new Map(),
    basis: { ...BASIS, ...basis },
    layers: scores.map((score, n) => ({ layer: `layers.${n}`, score })),
    problem: null,
    budget: null,
  };
}

const SCORES = Array.from({ length: 20 }, (_, n) => 1 + n);

function compared(made: Subject, published = subject(SCORES)): AnalysisReproduction {
  const found = reproductionOf(published, made);
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}

const beyond = ({ figures }: AnalysisReproduction): readonly string[] =>
  figures.filter(({ within }) => !within).map(({ name }) => name);

describe("whether an analysis comes out again", () => {
  it("agrees where every score is the same", () => {
    expect(compared(subject(SCORES))).toMatchObject({ verdict: "agrees" });
  });

  it("agrees within the tolerances, and says how far apart the scores are", () => {
    const { worst, median } = REPRODUCTION_TOLERANCES;
    const near = SCORES.map((score, n) => score * (n === 3 ? 1 - worst + 0.001 : 1 + median / 2));
    const found = compared(subject(near));
    expect(found.verdict).toBe("agrees");
    expect(found.summary).toContain("at most 4.9 % apart");
  });

  it("differs where one layer, or half of them, are further apart", () => {
    const one = SCORES.map((score, n) => (n === 3 ? score * 0.94 : score));
    expect(beyond(compared(subject(one)))).toEqual(["largest relative difference of a score"]);
    const many = SCORES.map((score) => score * 1.02);
    expect(beyond(compared(subject(many)))).toEqual(["median relative difference of the scores"]);
  });

  it("differs in the order of the layers where their scores may not be compared", () => {
    const unknown = subject(SCORES.toReversed(), { samples: null });
    const found = compared(unknown);
    expect(beyond(found)).toEqual(["rank correlation of the layers (Spearman)"]);
    expect(found.figures).toContainEqual(
      expect.objectContaining({ name: "scores", allowed: null, within: true }),
    );
  });

  it("differs where both say that they are sums over other data, whatever the scores are", () => {
    expect(beyond(compared(subject(SCORES, { samples: 8 })))).toEqual([
      "scores are sums over other data or of another kind (samples)",
    ]);
  });

  it("differs where both say that it is another model or other data", () => {
    expect(beyond(compared(subject(SCORES, { model: "n" })))).toEqual([
      "scores are sums over other data or of another kind (model)",
    ]);
    expect(compared(subject(SCORES, { data: "prose" }))).toMatchObject({ verdict: "differs" });
  });

  it("is not compared where scores are other ones and may mean other amounts, or where there are none", () => {
    const larger = SCORES.map((score) => 50 * score);
    const unknown = compared(subject(larger, { samples: null }));
    expect(unknown.verdict).toBe("not_compared");
    expect(unknown.summary).toContain("samples");
    const none = { ...subject([]), configuration: new Map([["x", "1"]]) };
    expect(compared(none, subject([]))).toMatchObject({ verdict: "not_compared" });
  });

  it("compares the scores of all candidates, and not of a layer's worst alone", () => {
    const int8 = SCORES.map((score) => score / 10);
    const tripled = int8.map((score) => 3 * score);
    const found = compared(twoFormats(SCORES, tripled), twoFormats(SCORES, int8));
    expect(beyond(found)).toContain("largest relative difference of a score");
    expect(compared(twoFormats(SCORES, int8), twoFormats(SCORES, int8)).verdict).toBe("agrees");
  });

  it("differs where one side alone has an order", () => {
    const equal = compared(subject(SCORES.map(() => 5)));
    expect(beyond(equal)).toContain("rank correlation of the layers (Spearman)");
    const flat = subject(SCORES.map(() => 5));
    expect(compared(subject(SCORES.map(() => 5.01)), flat)).toMatchObject({ verdict: "agrees" });
  });

  it("differs where a layer is missing", () => {
    expect(beyond(compared(subject(SCORES.slice(0, -1))))).toEqual(["layers measured"]);
  });
});

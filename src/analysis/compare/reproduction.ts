import { compareSubjects, type Comparison } from "./compare.ts";
import { layerKey } from "./layer-key.ts";
import { ok, type Analysed } from "../result/result.ts";
import { UNQUANTIZED } from "../formats/label.ts";
import { scoreDifferences } from "./score-differences.ts";
import type { Basis, Subject } from "./subject.ts";

/**
 * How far two measurements of one thing may be apart and still agree. On one kind of GPU with deterministic attention
 * scores repeat bit for bit, so any tolerance is for what is not the same: another kind of device, another version of
 * a library. These change in which order numbers are added, as another batch size does, of which it is measured what
 * it does to scores (144 layer groups of Qwen3-VL-4B, INT8, one H200; docs/reproduce.md): 0.4 % in the median, 3.2 %
 * at worst, a rank correlation of 0.99996. What changes the weights, the data or the loss changes far more.
 */
export const REPRODUCTION_TOLERANCES = {
  /** Relative difference of the score of a candidate in a layer: the median over all of them. */
  median: 0.01,
  /** The same, where it is largest. */
  worst: 0.05,
  /** Spearman's rho over all layers, at least. */
  spearman: 0.999,
} as const;

/** What was found, and whether it is within the tolerances. */
export interface AnalysisReproduction {
  /** Not compared where nothing is beyond the tolerances, but scores are not there or mean other amounts. */
  readonly verdict: "agrees" | "differs" | "not_compared";
  readonly summary: string;
  readonly figures: readonly {
    readonly name: string;
    readonly found: string;
    readonly allowed: string | null;
    readonly within: boolean;
  }[];
}

type Figure = AnalysisReproduction["figures"][number];

/** Whether an analysis that was made again is the published one, within the tolerances. */
export function reproductionOf(published: Subject, made: Subject): Analysed<AnalysisReproduction> {
  const compared = compareSubjects(published, made, { budgets: [], most: 10 });
  if (!compared.ok) return compared;
  const { value } = compared;
  const figures = [
    layersFigure(value),
    ...contradicted(published.basis, made.basis),
    ...scoreFigures(published, made, value),
    rankFigure(published, made, value),
    ...topFigures(value),
    ...candidateFigures(value),
    ...planFigures(published, made, value),
  ];
  const beyond = figures.filter(({ within }) => !within);
  const open = beyond.length > 0 || value.same ? null : notCompared(value);
  if (open !== null) return ok({ verdict: "not_compared", summary: open, figures });
  return ok({
    verdict: beyond.length === 0 ? "agrees" : "differs",
    summary: summaryOf(value, figures, beyond),
    figures,
  });
}

/** Why two analyses that are not the same cannot be told to agree; null where they can. */
function notCompared({ layers, magnitudes, comparability }: Comparison): string | null {
  if (layers.both === 0) return "neither side has a layer that is measured";
  return magnitudes === null
    ? `scores cannot be compared: ${comparability.refused.join("; ")}`
    : null;
}

function summaryOf(
  value: Comparison,
  figures: readonly Figure[],
  beyond: readonly Figure[],
): string {
  if (value.same) return "every score, candidate and choice is the same";
  if (beyond.length > 0)
    return beyond
      .slice(0, 3)
      .map(({ name, found }) => `${name}: ${found}`)
      .join("; ");
  const worst = figures.find(({ name }) => name === WORST);
  return worst === undefined
    ? "the order of the layers and what is chosen agree"
    : `scores agree within the tolerances (at most ${worst.found} apart), and so does what is chosen`;
}

const WORST = "largest relative difference of a score";

function layersFigure({ layers }: Comparison): Figure {
  const { both, only_a, only_b } = layers;
  const apart = only_a + only_b;
  const found =
    apart === 0 ? `${both}` : `${both} in both, ${only_a} only published, ${only_b} only here`;
  return { name: "layers measured", found, allowed: "the same layers", within: apart === 0 };
}

const BASIS: Readonly<Record<keyof Basis, string>> = {
  model: "model",
  data: "data",
  method: "method",
  samples: "samples",
  batches: "batches",
  tokens: "tokens in the loss",
  batch_size: "batch size",
  sequence_length: "sequence length",
  loss: "loss",
};

/** What the scores are sums over, where both say it and it is not the same: they mean different amounts then. */
const contradicted = (a: Basis, b: Basis): readonly Figure[] =>
  Object.entries(BASIS).flatMap(([field, name]) => {
    const [published, made] = [a[field as keyof Basis], b[field as keyof Basis]];
    if (published === null || made === null || published === made) return [];
    const found = `${published} published, ${made} here`;
    return [
      {
        name: `scores are sums over other data or of another kind (${name})`,
        found,
        allowed: "the same",
        within: false,
      },
    ];
  });

function scoreFigures(
  a: Subject,
  b: Subject,
  { magnitudes, comparability }: Comparison,
): readonly Figure[] {
  if (magnitudes === null) {
    const found = `not compared: ${comparability.refused.join("; ")}`;
    return [{ name: "scores", found, allowed: null, within: true }];
  }
  const relative = scoreDifferences(a, b);
  if (relative.length === 0) return [];
  const median = relative[Math.floor((relative.length - 1) / 2)] ?? 0;
  const worst = relative.at(-1) ?? 0;
  const same = relative.filter((one) => one === 0).length;
  const { median: least, worst: most } = REPRODUCTION_TOLERANCES;
  return [
    {
      name: "scores that are the same to the bit",
      found: `${same} of ${relative.length}`,
      allowed: null,
      within: true,
    },
    {
      name: "median relative difference of the scores",
      found: percent(median),
      allowed: `at most ${percent(least)}`,
      within: median <= least,
    },
    {
      name: WORST,
      found: percent(worst),
      allowed: `at most ${percent(most)}`,
      within: worst <= most,
    },
  ];
}

function rankFigure(a: Subject, b: Subject, { ranks: { spearman } }: Comparison): Figure {
  const least = REPRODUCTION_TOLERANCES.spearman;
  return {
    name: "rank correlation of the layers (Spearman)",
    found: spearman === null ? "undefined: a side has no order" : rounded(spearman),
    allowed: `at least ${least}`,
    within: spearman === null ? !hasOrder(a) && !hasOrder(b) : spearman >= least,
  };
}

const hasOrder = ({ layers }: Subject): boolean =>
  new Set(layers.map(({ score }) => score)).size > 1;

/** The first decimals that tell it from 1, rounded towards 0: what is not 1 is not shown as 1. */
const rounded = (rho: number): string => String(Math.trunc(rho * 1e5) / 1e5);

/** Near neighbours at the edge may swap places, which the rank correlation judges. */
const topFigures = ({ top }: Comparison): readonly Figure[] =>
  top.slice(0, 1).map(({ k, shared }) => ({
    name: `of the ${k} most sensitive layers, in both`,
    found: `${shared} of ${k}`,
    allowed: null,
    within: true,
  }));

const candidateFigures = ({ decisions }: Comparison): readonly Figure[] =>
  decisions.length === 0
    ? []
    : [
        {
          name: "layers with other candidates, charged bits or weights",
          found: `${decisions.length}`,
          allowed: "none",
          within: false,
        },
      ];

/** What each document says that its search chose, else what both scores lead to at the documents' own budgets. */
function planFigures(a: Subject, b: Subject, { flips, layers }: Comparison): readonly Figure[] {
  const [chosenA, chosenB] = [chosenIn(a), chosenIn(b)];
  const [solved] = flips;
  const flipped =
    chosenA.size > 0 && chosenB.size > 0
      ? [...chosenA].filter(([layer, format]) => (chosenB.get(layer) ?? format) !== format).length
      : solved?.layers.length;
  if (flipped === undefined) return [];
  const of = chosenA.size > 0 && chosenB.size > 0 ? chosenA.size : layers.both;
  return [
    {
      name: "layers whose format is chosen otherwise",
      found: `${flipped} of ${of}`,
      allowed: "none",
      within: flipped === 0,
    },
  ];
}

/** The format of each layer as a manifest records its plan; empty where it does not. */
function chosenIn({ results }: Subject): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let n = 0; ; n += 1) {
    const handle = results.get(`aqm.bit_plan.${n}.handle`);
    if (handle === undefined) return found;
    found.set(layerKey(handle), results.get(`aqm.bit_plan.${n}.format`) ?? UNQUANTIZED);
  }
}

/** `0.4 %`, `3.2e-7 %`. */
const percent = (share: number): string => {
  const value = share * 100;
  return `${value === 0 || value >= 0.01 ? Number(value.toPrecision(3)) : value.toExponential(1)} %`;
};

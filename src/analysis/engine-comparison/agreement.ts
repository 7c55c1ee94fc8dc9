import { placesOf, rankCorrelation } from "../compare/rank-correlation.ts";
import { placeOf } from "../groups/layer-place.ts";
import { LEAST_PAIRS } from "../quality/correlations.ts";
import { OWN_DRAW, type Agreement } from "./comparison.ts";
import type { Opinion } from "./opinions.ts";

/** Groups that are named where two opinions disagree. */
const MOST_APART = 5;

/** Each engine with each on the usual draw, and each engine with itself on the other draws, for every candidate. */
export function agreements(
  opinions: readonly Opinion[],
  candidates: readonly string[],
): readonly Agreement[] {
  const own = opinions.filter(({ draw }) => draw === OWN_DRAW);
  const engines = own.flatMap((a, n) => own.slice(n + 1).map((b) => [a, b, "engines"] as const));
  const draws = own.flatMap((a) =>
    opinions
      .filter(({ engine, draw }) => engine === a.engine && draw !== OWN_DRAW)
      .map((b) => [a, b, "draws"] as const),
  );
  return [...engines, ...draws].flatMap(([a, b, what]) =>
    candidates.map((candidate, c) => agreementOf(a, b, what, candidate, c)),
  );
}

/**
 * Scores are compared a weight, since that is what a budget pays for: a large layer may have a large score and still
 * be the right one to quantize.
 */
function agreementOf(
  a: Opinion,
  b: Opinion,
  what: Agreement["what"],
  candidate: string,
  c: number,
): Agreement {
  const names = a.problem.groups.map(({ name }) => name);
  const all = new Set(names);
  const [scoresA, scoresB] = [aWeight(a, c), aWeight(b, c)];
  const kinds = new Map<string, number[]>();
  for (const [g, name] of names.entries()) {
    const { tower, kind } = placeOf(name, all);
    const members = kinds.get(`${tower} ${kind}`);
    if (members === undefined) kinds.set(`${tower} ${kind}`, [g]);
    else members.push(g);
  }
  const [placesA, placesB] = [placesOf(scoresA), placesOf(scoresB)];
  const k = Math.max(1, Math.round(names.length / 10));
  const last = (places: readonly number[]): readonly number[] => places.map((place) => -place);
  const apart = names
    .map((group, g) => ({ group, a: placesA[g] ?? NaN, b: placesB[g] ?? NaN }))
    .toSorted((x, y) => Math.abs(y.a - y.b) - Math.abs(x.a - x.b) || (x.group < y.group ? -1 : 1));
  return {
    ...(what === "engines"
      ? { a: a.engine, b: b.engine }
      : { a: `${a.engine}, ${a.draw}`, b: `${b.engine}, ${b.draw}` }),
    what,
    candidate,
    all: rankCorrelation(scoresA, scoresB),
    kinds: [...kinds].map(([kind, members]) => {
      const few = members.length < LEAST_PAIRS;
      const of = (scores: readonly number[]) => members.map((g) => scores[g] ?? NaN);
      const spearman = few ? null : rankCorrelation(of(scoresA), of(scoresB)).spearman;
      return { kind, count: members.length, spearman };
    }),
    top: { k, shared: sharedAmong(placesA, placesB, k) },
    bottom: { k, shared: sharedAmong(last(placesA), last(placesB), k) },
    apart: apart.filter((one) => one.a !== one.b).slice(0, MOST_APART),
  };
}

const aWeight = ({ problem }: Opinion, c: number): readonly number[] =>
  problem.groups.map(({ candidates, weights }) => (candidates[c]?.score ?? NaN) / weights);

/** How many of the k things with the lowest places of one are among those of the other; null where a tie leaves it open. */
function sharedAmong(a: readonly number[], b: readonly number[], k: number): number | null {
  const [ofA, ofB] = [firstOf(a, k), firstOf(b, k)];
  return ofA === null || ofB === null ? null : [...ofA].filter((g) => ofB.has(g)).length;
}

function firstOf(places: readonly number[], k: number): ReadonlySet<number> | null {
  const order = [...places.keys()].toSorted((x, y) => (places[x] ?? 0) - (places[y] ?? 0));
  const [last, next] = [order[k - 1], order[k]];
  const isTied = next !== undefined && places[last ?? 0] === places[next];
  return isTied ? null : new Set(order.slice(0, k));
}

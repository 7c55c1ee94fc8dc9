import type { Figure } from "../quality/figures.ts";
import type { Weights } from "../quality/measured-frontier.ts";
import type { KlSums, PairedBootstrap } from "../quality/paired-bootstrap.ts";
import { includesOne } from "../quality/verdict.ts";
import { ok, type Analysed } from "../result/result.ts";
import { meansOf, type Arena } from "./arenas.ts";
import type { EnginePair, EngineSummary, EngineVerdict } from "./comparison.ts";
import type { Opinion } from "./opinions.ts";

/** An engine over all budgets: against random plans, and its draws against each other. */
export function summaryOf(
  bootstrap: PairedBootstrap,
  arenas: readonly Arena[],
  engine: string,
  opinions: readonly Opinion[],
): Analysed<EngineSummary> {
  const own = opinions.filter((opinion) => opinion.engine === engine);
  const factor = bootstrap.meanFactor(
    meansOf(arenas, engine).map(([sums, { random }]) => [random, sums]),
  );
  if (!factor.ok) return factor;
  const spread = spreadOf(bootstrap, arenas, engine);
  if (!spread.ok) return spread;
  return ok({
    engine,
    method: own[0]?.method ?? "",
    draws: own.map(({ draw }) => draw),
    factor: factor.value,
    spread: spread.value,
    moved: arenas.filter((arena) => {
      const sums = arena.contenders.get(engine)?.draws.map(({ sums: { whole } }) => whole) ?? [];
      return new Set(sums).size > 1;
    }).length,
    scored: own[0]?.scored ?? { samples: null, tokens: null },
    zeros: own[0]?.zeros ?? 0,
  });
}

/** The draw whose plans are worst over all budgets against the one whose plans are best; null with a single draw. */
function spreadOf(
  bootstrap: PairedBootstrap,
  arenas: readonly Arena[],
  engine: string,
): Analysed<Figure | null> {
  const byDraw = new Map<string, KlSums[]>();
  for (const { contenders } of arenas) {
    for (const { draw, sums } of contenders.get(engine)?.draws ?? [])
      byDraw.set(draw, [...(byDraw.get(draw) ?? []), sums]);
  }
  const total = (sums: readonly KlSums[]): number =>
    sums.reduce((sum, { whole }) => sum + Math.log(whole), 0);
  const order = [...byDraw.values()].toSorted((a, b) => total(a) - total(b));
  const [best = [], worst = []] = [order[0], order.at(-1)];
  if (order.length < 2) return ok(null);
  return bootstrap.meanFactor(
    worst.flatMap((above, n) => {
      const below = best[n];
      return below === undefined ? [] : [[above, below] as const];
    }),
  );
}

/** Two engines over all budgets; the one with the larger factor over random plans comes first. */
export function pairOf(
  bootstrap: PairedBootstrap,
  arenas: readonly Arena[],
  [a, b]: readonly [EngineSummary, EngineSummary],
  weights: Weights,
): Analysed<EnginePair> {
  const [better, worse] = a.factor.value >= b.factor.value ? [a, b] : [b, a];
  const sums = new Map(meansOf(arenas, worse.engine).map(([mean, { budget }]) => [budget, mean]));
  const pairs = meansOf(arenas, better.engine).flatMap(([below, { budget }]) => {
    const above = sums.get(budget);
    return above === undefined ? [] : [[above, below] as const];
  });
  const factor = bootstrap.meanFactor(pairs);
  if (!factor.ok) return factor;
  const single: Figure[] = [];
  for (const [above, below] of pairs) {
    const one = bootstrap.factor(above, below);
    if (!one.ok) return one;
    single.push(one.value);
  }
  const values = single.map(({ value }) => value);
  const spread =
    better.spread === null || worse.spread === null
      ? null
      : Math.max(better.spread.high, worse.spread.high);
  const largest = values.indexOf(Math.max(...values));
  const others = pairs.filter((_, n) => n !== largest);
  const without = others.length === 0 ? ok(null) : bootstrap.meanFactor(others);
  if (!without.ok) return without;
  return ok({
    better: better.engine,
    worse: worse.engine,
    factor: factor.value,
    range: { lowest: Math.min(...values), highest: Math.max(...values) },
    without_one: without.value,
    budgets: {
      above: single.filter(({ low }) => low > 1).length,
      below: single.filter(({ high }) => high < 1).length,
      // Plans that are the same have the same divergence of every sample.
      same: pairs.filter(([above, below]) => above.whole === below.whole).length,
      all: pairs.length,
    },
    spread,
    verdict: verdictOf({ factor: factor.value, spread, withoutOne: without.value, weights }),
  });
}

/**
 * What is said of a difference. The interval says whether the held-out samples show it; the spread whether another draw
 * of calibration data may change as much; the factor without the budget of the greatest one whether a single budget decides.
 */
export function verdictOf({
  factor,
  spread,
  withoutOne,
  weights,
}: {
  readonly factor: Figure;
  readonly spread: number | null;
  readonly withoutOne: Figure | null;
  readonly weights: Weights;
}): EngineVerdict {
  if (weights === "random") return "unproven";
  if (includesOne(factor)) return "not separable";
  if (spread === null) return "draws not known";
  if (factor.low <= spread) return "within draws";
  return withoutOne !== null && withoutOne.low <= Math.max(1, spread)
    ? "depends on the size"
    : "better";
}

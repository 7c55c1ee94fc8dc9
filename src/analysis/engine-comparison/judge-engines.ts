import { UNQUANTIZED } from "../formats/label.ts";
import { environmentOf, judgedIn } from "../quality/judged-documents.ts";
import type { Figure } from "../quality/figures.ts";
import type { Definition, MeasuredHead } from "../quality/measured-frontier.ts";
import { PairedBootstrap, type KlSums } from "../quality/paired-bootstrap.ts";
import type { QualityDocument } from "../quality/quality-document.ts";
import { agreement as sameBasis } from "../quality/same-basis.ts";
import { includesOne, wordFor } from "../quality/verdict.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import { agreements } from "./agreement.ts";
import { arenasOf, meansOf, type Arena } from "./arenas.ts";
import type {
  ComparedBudget,
  ComparedPlan,
  EngineAtBudget,
  EngineComparison,
  EnginePair,
  EngineSummary,
  EngineVerdict,
} from "./comparison.ts";
import type { Opinion } from "./opinions.ts";

export interface EngineComparisonSource extends Pick<
  MeasuredHead,
  "name" | "model" | "size" | "weights" | "calibration"
> {
  readonly scope: string;
  /** Which part of the held-out data. */
  readonly part: string;
  readonly definition: Definition;
  readonly leftOut: EngineComparison["left_out"];
  readonly opinions: readonly Opinion[];
  readonly plans: readonly ComparedPlan[];
  /** By name of the plan. */
  readonly measured: ReadonlyMap<string, QualityDocument>;
}

/** Scores, plans and measurements → whose scores led to the better model, by how much, and whether that means something. */
export function judgeEngines(source: EngineComparisonSource): Analysed<EngineComparison> {
  const { plans, measured, opinions, definition } = source;
  const basis = sameBasis([...measured]);
  if (!basis.ok) return basis;
  const { heldOut, reference, sampleTokens } = basis.value;
  const bootstrap = PairedBootstrap.over(sampleTokens, definition.resamples, definition.seed);
  if (!bootstrap.ok) return bootstrap;
  const sums = new Map<string, KlSums>();
  for (const { name } of plans) {
    const judged = judgedIn(measured.get(name), name);
    if (!judged.ok) return judged;
    const summed = bootstrap.value.sumsOf(name, judged.value.sampleKl);
    if (!summed.ok) return summed;
    sums.set(name, summed.value);
  }
  const arenas = arenasOf(plans, sums);
  if (!arenas.ok) return arenas;
  const engines = [...new Set(opinions.map(({ engine }) => engine))];
  const budgets: ComparedBudget[] = [];
  const unjudged: { budget: number; because: string }[] = [];
  const sound: Arena[] = [];
  for (const arena of arenas.value) {
    const judged = judgedBudget(bootstrap.value, arena, engines, source);
    if (judged.ok) {
      budgets.push(judged.value);
      sound.push(arena);
    } else if (judged.error.reason === "no_divergence") {
      const because = `the KL of ${judged.error.where} is not above zero in every resample`;
      unjudged.push({ budget: arena.budget, because });
    } else return judged;
  }
  if (sound.length === 0) {
    return failed(
      "no_divergence",
      String(unjudged[0]?.budget ?? ""),
      `Nothing can be compared: at every budget a plan changes the model so little that its KL is rounding. Name smaller budgets in conf/engine_comparison, or a smaller candidate.`,
    );
  }
  const summaries: EngineSummary[] = [];
  for (const engine of engines) {
    const summary = summaryOf(bootstrap.value, sound, engine, opinions);
    if (!summary.ok) return summary;
    summaries.push(summary.value);
  }
  const pairs: EnginePair[] = [];
  for (const [n, a] of summaries.entries()) {
    for (const b of summaries.slice(n + 1)) {
      const pair = pairOf(bootstrap.value, sound, a, b);
      if (!pair.ok) return pair;
      pairs.push(pair.value);
    }
  }
  const groups = opinions[0]?.problem.groups ?? [];
  const candidates = (groups[0]?.candidates ?? []).filter(({ format }) => format !== UNQUANTIZED);
  const { name, model, size, weights, calibration, scope, part, leftOut } = source;
  return ok({
    ...{ name, model, size, weights, calibration, scope },
    held_out: { part, ...heldOut },
    definition,
    environment: environmentOf([...measured]),
    reference,
    candidates: candidates.map(({ format, bits }) => ({ name: format, bits })),
    quantizable: {
      groups: groups.length,
      weights: groups.reduce((sum, group) => sum + group.weights, 0),
    },
    left_out: leftOut,
    engines: summaries.toSorted((a, b) => b.factor.value - a.factor.value),
    pairs,
    budgets,
    unjudged,
    uniform: plans.flatMap(({ kind, name: plan, bits }) => {
      const own = sums.get(plan);
      return kind === "uniform" && own !== undefined
        ? [{ plan, bits, kl: bootstrap.value.perToken(own) }]
        : [];
    }),
    agreement: agreements(
      opinions,
      candidates.map(({ format }) => format),
    ),
  });
}

function judgedBudget(
  bootstrap: PairedBootstrap,
  { budget, random, randomPlans, controls, contenders }: Arena,
  engines: readonly string[],
  { definition, weights }: Pick<EngineComparisonSource, "definition" | "weights">,
): Analysed<ComparedBudget> {
  const byKl = [...randomPlans, ...controls.map((one) => one.sums)].toSorted(
    (a, b) => a.whole - b.whole,
  );
  const [best = random, worst = random] = [byKl[0], byKl.at(-1)];
  const controlsApart = bootstrap.factor(worst, best);
  if (!controlsApart.ok) return controlsApart;
  const judged: EngineAtBudget[] = [];
  for (const engine of engines) {
    const contender = contenders.get(engine);
    if (contender === undefined) continue;
    const factor = bootstrap.factor(random, contender.mean);
    if (!factor.ok) return factor;
    judged.push({
      engine,
      kl: bootstrap.perToken(contender.mean),
      draws: contender.draws.map(({ draw, sums }) => ({ draw, kl: bootstrap.perToken(sums) })),
      factor: factor.value,
      ...wordFor(factor.value, controlsApart.value, { provenAbove: definition.proven, weights }),
    });
  }
  const each = randomPlans.map((one) => bootstrap.perToken(one).value);
  return ok({
    budget,
    engines: judged,
    random: {
      kl: bootstrap.perToken(random),
      lowest: Math.min(...each),
      highest: Math.max(...each),
    },
    controls: controls.map(({ plan: { name, kind }, sums }) => ({
      plan: name,
      kind,
      kl: bootstrap.perToken(sums),
    })),
  });
}

function summaryOf(
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
    zeros: own[0]?.zeros ?? 0,
  });
}

/** The draw whose plans are worst over all budgets against the one whose plans are best. */
function spreadOf(
  bootstrap: PairedBootstrap,
  arenas: readonly Arena[],
  engine: string,
): Analysed<Figure> {
  const byDraw = new Map<string, KlSums[]>();
  for (const { contenders } of arenas) {
    for (const { draw, sums } of contenders.get(engine)?.draws ?? [])
      byDraw.set(draw, [...(byDraw.get(draw) ?? []), sums]);
  }
  const total = (sums: readonly KlSums[]): number =>
    sums.reduce((sum, { whole }) => sum + Math.log(whole), 0);
  const order = [...byDraw.values()].toSorted((a, b) => total(a) - total(b));
  const [best = [], worst = []] = [order[0], order.at(-1)];
  if (order.length < 2) return ok({ value: 1, low: 1, high: 1 });
  return bootstrap.meanFactor(
    worst.flatMap((above, n) => {
      const below = best[n];
      return below === undefined ? [] : [[above, below] as const];
    }),
  );
}

function pairOf(
  bootstrap: PairedBootstrap,
  arenas: readonly Arena[],
  a: EngineSummary,
  b: EngineSummary,
): Analysed<EnginePair> {
  const [better, worse] = a.factor.value >= b.factor.value ? [a, b] : [b, a];
  const sums = new Map(meansOf(arenas, worse.engine).map(([mean, { budget }]) => [budget, mean]));
  const pairs = meansOf(arenas, better.engine).flatMap(([below, { budget }]) => {
    const above = sums.get(budget);
    return above === undefined ? [] : [[above, below] as const];
  });
  const factor = bootstrap.meanFactor(pairs);
  if (!factor.ok) return factor;
  let [over, under] = [0, 0];
  for (const [above, below] of pairs) {
    const one = bootstrap.factor(above, below);
    if (!one.ok) return one;
    if (one.value.low > 1) over += 1;
    if (one.value.high < 1) under += 1;
  }
  const spread = Math.max(better.spread.value, worse.spread.value);
  return ok({
    better: better.engine,
    worse: worse.engine,
    factor: factor.value,
    budgets: { above: over, below: under, all: pairs.length },
    spread,
    verdict: verdictOf(factor.value, spread),
  });
}

/** What is said of a difference: whether the held-out samples show it, and whether another draw changes as much. */
export const verdictOf = (factor: Figure, spread: number): EngineVerdict =>
  includesOne(factor) ? "not separable" : factor.value > spread ? "better" : "within draws";

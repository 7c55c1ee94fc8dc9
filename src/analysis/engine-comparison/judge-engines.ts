import { UNQUANTIZED } from "../formats/label.ts";
import { environmentOf, judgedIn } from "../quality/judged-documents.ts";
import type { Definition, MeasuredHead } from "../quality/measured-frontier.ts";
import { PairedBootstrap, type KlSums } from "../quality/paired-bootstrap.ts";
import type { QualityDocument } from "../quality/quality-document.ts";
import { agreement as sameBasis } from "../quality/same-basis.ts";
import { wordFor } from "../quality/verdict.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import { agreements } from "./agreement.ts";
import { arenasOf, type Arena } from "./arenas.ts";
import { pairOf, summaryOf } from "./pairs.ts";
import type {
  ComparedBudget,
  ComparedPlan,
  EngineAtBudget,
  EngineComparison,
  EnginePair,
  EngineSummary,
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
      const pair = pairOf(bootstrap.value, sound, [a, b], source.weights);
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

import {
  action,
  committed,
  configuration,
  from,
  local,
  skip,
  typescriptOp,
  type Declared,
  type Input,
  type PythonOps,
} from "aqm";
import type { PairQuantizers } from "aqm/analysis";
import { OWN_DRAW } from "aqm/analysis/engine-comparison/comparison.ts";
import { enginePlanNames } from "aqm/analysis/engine-comparison/engine-plans.ts";
import type { CalibrationDraws } from "./calibration-draws.ts";
import {
  ENGINE_NAMES,
  type EngineComparisonConfig,
  type EngineName,
  type GranularityConfig,
  type OutputLayoutConfig,
  type QuantPairConfig,
} from "./configs.ts";
import type { Engine } from "./engines/engine.ts";
import { expectedPlanQuality } from "./expected.ts";
import { measuring, weightsOf, type Measured } from "./measuring.ts";
import { planQuality } from "./plan-quality.ts";
import { candidateNotScored, type Sensitivity } from "./sensitivity.ts";
import { opinionRole } from "./translate/engine-opinions.ts";
import { planRole } from "./translate/plan-role.ts";

const aloneOp = typescriptOp<typeof import("./ops/engine-alone.ts")>(
  "aqm/rules/ops/engine-alone.ts",
);
const plansOp = typescriptOp<typeof import("./ops/engine-plans.ts")>(
  "aqm/rules/ops/engine-plans.ts",
);
const comparisonOp = typescriptOp<typeof import("./ops/engine-comparison.ts")>(
  "aqm/rules/ops/engine-comparison.ts",
);

export interface EngineComparisonCell extends Omit<Measured, "config"> {
  readonly config: EngineComparisonConfig;
  readonly layout: OutputLayoutConfig;
  /** Its simulated quantization measures all plans. */
  readonly modelopt: Engine;
  readonly granularity: GranularityConfig;
  /** Other draws of calibration data, shared by all comparisons of the model. */
  readonly draws: CalibrationDraws;
  /** The analysis of a pair for this model, scope and size by an engine, if it was declared. */
  readonly analysis: (engine: EngineName) => (pair: string) => Sensitivity | undefined;
}

interface MeasuredFormat {
  /** The pair. */
  readonly name: string;
  readonly config: Config;
  readonly quantizers: PairQuantizers;
}

type Config = PythonOps["plan_quality"]["params"]["candidates"][number]["config"];

/** An engine with the analyses whose scores stand for the candidates, in their order. */
interface Compared {
  readonly engine: EngineName;
  readonly scored: readonly NonNullable<Sensitivity["results"]>[];
}

/**
 * Scores of several engines on several draws of calibration data → plans of equal size → each measured on held-out
 * data → whose scores led to the better model. An engine that cannot score the candidates here is left out, with the
 * reason; fewer than two are no comparison.
 */
export function engineComparison(cell: EngineComparisonCell): Declared {
  const { model, scope, size, layout, config } = cell;
  const root = `${layout.root}/${model.name}`;
  const folder = `${root}/engine-comparison/${model.name}_${config.name}_${scope}_${size}`;
  const { compared, leftOut } = comparedEngines(cell);
  if (compared.length < 2) {
    const because = leftOut.map(({ engine, because: why }) => `${engine}: ${why}`).join("; ");
    return skip(folder, `fewer than two engines have scores of its candidates: ${because}`);
  }
  const whose = opinionsOf(cell, compared);
  const formats = measuredFormats(cell);
  if ("because" in formats) return skip(folder, formats.because);
  const opinions = {
    candidates: formats.map(({ name, quantizers }) => ({ name, quantizers })),
    opinions: whose.opinions,
  };
  const alone = action({
    op: aloneOp,
    params: opinions,
    inputs: whose.scores,
    outputs: { plan: local(`${folder}/alone-plan.json`) },
  });
  const measuredAlone = measured(
    cell,
    formats,
    "search",
    from(alone, "plan"),
    `${folder}/alone.json`,
    {
      plans: 100 * formats.length,
    },
  );
  const { budgets, random_plans, seed } = config;
  const twin = budgets.find((budget, n) =>
    budgets.slice(0, n).some((other) => other.toFixed(2) === budget.toFixed(2)),
  );
  if (twin !== undefined) {
    return skip(folder, `two of its budgets are ${twin.toFixed(2)} bits to two decimals`);
  }
  const names = enginePlanNames(
    whose.opinions,
    { budgets, randomPlans: random_plans },
    config.candidates,
  );
  const plans = action({
    op: plansOp,
    params: { ...opinions, name: config.name, budgets, random_plans, seed },
    inputs: { ...whose.scores, alone: measuredAlone },
    outputs: {
      overview: local(`${folder}/plans.json`),
      ...Object.fromEntries(
        names.map((name) => [planRole(name), local(`${folder}/plans/${name}.json`)] as const),
      ),
    },
  });
  const judged = Object.fromEntries(
    names.map((name) => [
      `measured_${name}`,
      measured(
        cell,
        formats,
        config.held_out,
        from(plans, planRole(name)),
        `${folder}/measured/${name}.json`,
        { plans: 1 },
      ),
    ]),
  );
  const report = `${root}/reports/engines-${config.name}-${scope}-${size}`;
  const file = report.slice(report.lastIndexOf("/") + 1);
  return action({
    op: comparisonOp,
    params: {
      ...opinions,
      name: config.name,
      model: model.name,
      size,
      scope,
      weights: weightsOf(model),
      calibration: { samples: cell.calibration.subsets[size].samples },
      part: config.held_out,
      definition: {
        proven: config.proven,
        resamples: config.resamples,
        seed: config.seed,
        random_plans: config.random_plans,
      },
      left_out: leftOut,
      files: { page: `${file}.html`, picture: `${file}.svg` },
    },
    inputs: { ...whose.scores, overview: from(plans, "overview"), ...judged },
    outputs: {
      data: committed(`${report}.json`),
      report: committed(`${report}.md`),
      page: committed(`${report}.html`),
      picture: committed(`${report}.svg`),
    },
  });
}

/** The candidates as ModelOpt takes them, whichever engines are compared: it is what measures all plans. */
function measuredFormats({
  config,
  modelopt,
  granularity,
  model,
}: EngineComparisonCell): readonly MeasuredFormat[] | { readonly because: string } {
  const formats: MeasuredFormat[] = [];
  for (const name of config.candidates) {
    const format = modelopt.formatOf(
      configuration<QuantPairConfig>("quant_pair", name),
      granularity,
    );
    if (!format.ok) return { because: format.error.message };
    const unsupported = format.value.unsupported[model.device];
    if (unsupported !== null) return { because: unsupported };
    const { config: own, quantizers } = format.value;
    formats.push({ name, config: own as Config, quantizers });
  }
  return formats;
}

/** Engines whose analyses of all their pairs are declared here, in one order for all comparisons. */
function comparedEngines({ config, model, analysis }: EngineComparisonCell) {
  const compared: Compared[] = [];
  const leftOut: { engine: string; because: string }[] = [];
  for (const engine of ENGINE_NAMES) {
    const pairs = config.engines[engine];
    if (pairs === undefined) continue;
    const scored = pairs.map((pair) => ({ pair, of: analysis(engine)(pair) }));
    const missing = scored.find(({ of }) => of?.results === undefined);
    if (missing !== undefined) {
      leftOut.push({ engine, because: candidateNotScored(missing.pair, model.name, missing.of) });
    } else if (pairs.length !== config.candidates.length) {
      const because = `conf/engine_comparison/${config.name}.yaml names ${pairs.length} pairs for ${config.candidates.length} candidates`;
      leftOut.push({ engine, because });
    } else {
      compared.push({ engine, scored: scored.flatMap(({ of }) => of?.results ?? []) });
    }
  }
  return { compared, leftOut };
}

/** Every engine on every draw: those of the usual subset are the analyses' own, the others are scored for this. */
function opinionsOf(cell: EngineComparisonCell, compared: readonly Compared[]) {
  const { config, calibration, size } = cell;
  const opinions: { engine: string; draw: string }[] = [];
  const scores: Record<string, Input> = {};
  // No row is in two draws, so a full sample has so many of them and no more.
  const most = Math.floor(calibration.dataset.full_samples / calibration.subsets[size].samples);
  const others = cell.scope === "lm" ? Math.min(config.draws, most) - 1 : 0;
  const draws = Array.from({ length: others }, (_, n) =>
    cell.draws(n + 1, config.seed, calibration, size),
  );
  for (const { engine, scored } of compared) {
    opinions.push({ engine, draw: OWN_DRAW });
    for (const [c, candidate] of config.candidates.entries()) {
      const own = scored[c];
      if (own !== undefined) scores[opinionRole(engine, OWN_DRAW, candidate)] = own.scores;
    }
    for (const draw of draws) {
      opinions.push({ engine, draw: draw.name });
      for (const [c, candidate] of config.candidates.entries()) {
        const format = scored[c]?.format;
        if (format !== undefined)
          scores[opinionRole(engine, draw.name, candidate)] = draw.scores(engine, format, cell);
      }
    }
  }
  return { opinions, scores };
}

/** A measurement of a plan document by simulated quantization. */
function measured(
  cell: EngineComparisonCell,
  formats: readonly { readonly name: string; readonly config: Config }[],
  part: EngineComparisonConfig["held_out"] | "search",
  plan: Input,
  path: string,
  { plans }: { readonly plans: number },
): Input {
  const { params, inputs, resources } = measuring({
    ...cell,
    config: { held_out: part, batch_size: cell.config.batch_size },
  });
  const judged = action({
    op: planQuality,
    params: {
      ...params,
      candidates: formats.map(({ name, config }) => ({ name, config })),
    },
    inputs: { ...inputs, plan },
    outputs: { quality: local(path) },
    resources,
    // Loading and calibrating is nearly all that a lone plan costs.
    batch: { apart: ["plan"], shared: 0.99 },
    expected: expectedPlanQuality(cell.model.device, plans),
  });
  return from(judged, "quality");
}

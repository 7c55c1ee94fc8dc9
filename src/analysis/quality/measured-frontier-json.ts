import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { documentText } from "./document-text.ts";
import { readFigure, readFigures } from "./figures.ts";
import {
  BETTER,
  RANDOM_WEIGHTS,
  WORDS,
  type Against,
  type BudgetVerdict,
  type Correlation,
  type Definition,
  type MeasuredAlone,
  type MeasuredFrontier,
  type MeasuredHead,
  type MeasuredPlan,
  type MeasuredRecipe,
} from "./measured-frontier.ts";
import { nullable, numberOrNull, readPlanned, readPlannedPlan, readSize } from "./planned.ts";

const MEASURED_FRONTIER_SCHEMA = 1;

/** A measured frontier as JSON, a line for each plan, verdict, recipe and group. `readMeasuredFrontier` reads it. */
export function measuredFrontierJson(frontier: MeasuredFrontier): string {
  const { plans, verdicts, recipes, alone, ...head } = frontier;
  return documentText(
    { schema: MEASURED_FRONTIER_SCHEMA, ...head },
    { verdicts, plans, recipes, alone },
  );
}

/** Reads and checks a measured frontier. */
export function readMeasuredFrontier(text: string): Analysed<MeasuredFrontier> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== MEASURED_FRONTIER_SCHEMA) {
    const what = `Measured frontiers of schema ${schema} are not readable here (this version reads ${MEASURED_FRONTIER_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build it again.`);
  }
  const correlations = root.object("correlations");
  const [alone, ofPlans] = [correlations.object("alone"), correlations.object("plans")];
  const listed = (of: FieldReader, key: string) => of.objects(key).map(readCorrelation);
  const frontier: MeasuredFrontier = {
    ...readMeasuredHead(root),
    ...readPlanned(root),
    plans: root.objects("plans").map(readPlan),
    verdicts: root.objects("verdicts").map(readVerdict),
    recipes: root.objects("recipes").map(readRecipe),
    alone: root.objects("alone").map(readAlone),
    correlations: {
      alone: {
        all: readCorrelation(alone.object("all")),
        candidates: listed(alone, "candidates"),
        kinds: listed(alone, "kinds"),
      },
      plans: {
        all: readCorrelation(ofPlans.object("all")),
        kinds: listed(ofPlans, "kinds"),
      },
    },
  };
  const claimed = frontier.verdicts.find(({ word }) => word === "proven");
  if (frontier.weights === "random" && claimed !== undefined) {
    root.problem(
      "figures_disagree",
      `verdicts (${claimed.plan})`,
      "is proven, and weights are random",
    );
  }
  const failure = root.firstProblem;
  return failure === undefined ? ok(frontier) : { ok: false, error: failure };
}

/** Reads and checks the head of a document of measured plans. */
export function readMeasuredHead(root: FieldReader): MeasuredHead {
  const [reference, environment] = [root.object("reference"), root.object("environment")];
  return {
    name: root.string("name"),
    model: root.string("model"),
    size: root.string("size"),
    weights: root.oneOf("weights", ["random", "real"]) ?? "random",
    calibration: { samples: root.object("calibration").integer("samples", 1) },
    held_out: readHeldOut(root.object("held_out")),
    definition: readDefinition(root.object("definition")),
    environment: Object.fromEntries(
      [...environment.verbatim.keys()].map((name) => [name, environment.string(name)]),
    ),
    reference: {
      loss: readFigure(reference, "loss"),
      perplexity: readFigure(reference, "perplexity"),
    },
  };
}

const readHeldOut = (fields: FieldReader): MeasuredFrontier["held_out"] => ({
  part: fields.string("part"),
  samples: fields.integer("samples", 1),
  tokens: fields.integer("tokens", 1),
  batches: fields.integer("batches", 1),
});

const readDefinition = (fields: FieldReader): Definition => ({
  proven: fields.number("proven"),
  resamples: fields.integer("resamples", 1),
  seed: fields.integer("seed", 0),
  random_plans: fields.integer("random_plans", 0),
});

const readPlan = (fields: FieldReader): MeasuredPlan => ({
  ...readPlannedPlan(fields),
  ...readFigures(fields),
});

const readAgainst = (fields: FieldReader): Against => ({
  plan: fields.string("plan"),
  factor: readFigure(fields, "factor"),
});

export function readVerdict(fields: FieldReader): BudgetVerdict {
  const [random, controls] = [fields.object("random"), fields.object("controls")];
  return {
    budget: fields.number("budget"),
    plan: fields.string("plan"),
    word: fields.oneOf("word", WORDS) ?? "unproven",
    because:
      fields.verbatim.get("because") === null
        ? null
        : (fields.oneOf("because", [RANDOM_WEIGHTS] as const) ?? null),
    factor: readFigure(fields, "factor"),
    random: {
      kl: readFigure(random, "kl"),
      lowest: random.number("lowest"),
      highest: random.number("highest"),
      plans: random.strings("plans"),
    },
    against: fields.objects("against").map(readAgainst),
    controls: {
      worst: controls.string("worst"),
      best: controls.string("best"),
      factor: readFigure(controls, "factor"),
    },
  };
}

function readRecipe(fields: FieldReader): MeasuredRecipe {
  const against = nullable(fields, "against");
  return {
    name: fields.string("name"),
    ...readSize(fields),
    ...readFigures(fields),
    against: against === null ? null : readAgainst(against),
    better:
      fields.verbatim.get("better") === null ? null : (fields.oneOf("better", BETTER) ?? null),
  };
}

const readAlone = (fields: FieldReader): MeasuredAlone => ({
  group: fields.string("group"),
  candidate: fields.string("candidate"),
  kind: fields.string("kind"),
  tower: fields.oneOf("tower", ["vision", "language"]) ?? "language",
  predicted: fields.number("predicted"),
  kl: readFigure(fields, "kl"),
});

const readCorrelation = (fields: FieldReader): Correlation => ({
  what: fields.string("what"),
  candidate: fields.verbatim.get("candidate") === null ? null : fields.string("candidate"),
  count: fields.integer("count", 0),
  spearman: numberOrNull(fields, "spearman"),
  kendall: numberOrNull(fields, "kendall"),
  too_few: fields.boolean("too_few"),
});

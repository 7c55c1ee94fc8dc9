import {
  action,
  committed,
  from,
  local,
  pythonOp,
  typescriptOp,
  type DeclaredAction,
  type Input,
  type PythonOps,
} from "aqm";
import { SCHEME_PLAN } from "aqm/analysis/schemes/controls.ts";
import type { AutoquantConfig, SchemeConfig } from "./configs.ts";
import type { Scored } from "./engines/engine.ts";
import { expectedPlanQuality } from "./expected.ts";
import { measuring, weightsOf } from "./measuring.ts";
import { modelopt, numbersOf } from "./modelopt.ts";
import { planQuality } from "./plan-quality.ts";

const op = typescriptOp<typeof import("./ops/scheme-quality.ts")>(
  "aqm/rules/ops/scheme-quality.ts",
);

type Candidate = PythonOps["plan_quality"]["params"]["candidates"][number];

/** What a scheme is, as far as measuring it goes. */
export interface SchemeToMeasure extends Scored {
  readonly scheme: SchemeConfig;
  /** How the model is calibrated: as its scores were. */
  readonly autoquant: AutoquantConfig;
  /** `quantized/<scheme>` of the model. */
  readonly folder: string;
  /** `scheme.json`. */
  readonly document: Input;
  readonly chosen:
    ChosenPlan | { readonly recipe: PythonOps["recipe_quality"]["params"]["recipe"] };
}

/** A scheme that is a plan of formats. */
export interface ChosenPlan {
  /** In ModelOpt's own form. Schemes of the same candidates share a load and a calibration. */
  readonly candidates: readonly { readonly name: string; readonly config: object }[];
  /** `plans/scheme.json`. */
  readonly plan: Input;
  /** Plans of the same size, by `controlNames`; null where the choice needed no scores. */
  readonly controls: {
    /** `controls.json`. */
    readonly sizes: Input;
    /** The document of each by its name, in order. */
    readonly plans: Readonly<Record<string, Input>>;
  } | null;
}

/** The formats of a plan, as the ops take them that simulate it. */
export const candidatesToMeasure = ({ candidates }: ChosenPlan): readonly Candidate[] =>
  candidates.map(({ name, config }) => ({ name, config: config as Candidate["config"] }));

/** What makes `quality.json`, and the scheme's own measurement. */
export interface MadeQuality {
  readonly judged: DeclaredAction<"quality">;
  readonly measured: Input;
}

/**
 * Measures a scheme and its controls on held-out data, each in an action of its own. All schemes of a model that
 * have the same candidates, scope and size are measured in one batch.
 */
export function schemeQuality(of: SchemeToMeasure): MadeQuality {
  const { scheme, model, chosen, folder, document } = of;
  const { random_plans, seed, proven, resamples, held_out } = scheme.controls;
  const measured = measurements(of);
  const controls = "recipe" in chosen ? null : chosen.controls;
  const judged = action({
    op,
    params: {
      weights: weightsOf(model),
      calibration: { samples: of.calibration.subsets[of.size].samples },
      part: held_out,
      definition: { proven, resamples, seed, random_plans },
      controls: Object.keys(controls?.plans ?? {}),
      unjudged: controls === null ? unjudgedBecause(chosen) : null,
    },
    inputs: {
      scheme: document,
      ...(controls === null ? {} : { controls: controls.sizes }),
      [OWN]: measured.own,
      ...measured.controls,
    },
    outputs: { quality: committed(`${folder}/quality.json`) },
  });
  return { judged, measured: measured.own };
}

const OWN = `measured_${SCHEME_PLAN}`;

const unjudgedBecause = (chosen: SchemeToMeasure["chosen"]): string =>
  "recipe" in chosen
    ? "a recipe chooses no layers, so there are no plans of its size to compare it with"
    : "one format everywhere chooses no layers, so there are no plans of its size to compare it with";

/** A document for the scheme, and one for each of its controls by the role in the judging op. */
function measurements(of: SchemeToMeasure): {
  readonly own: Input;
  readonly controls: Readonly<Record<string, Input>>;
} {
  const { scheme, model, chosen, folder } = of;
  const { params, inputs, resources } = measuring({ ...of, config: scheme.controls });
  // A scheme says itself whether the output layer is one of those that may be quantized.
  const shared = { ...params, include_lm_head: scheme.lm_head };
  if ("recipe" in chosen) {
    const judged = action({
      op: pythonOp("recipe_quality", modelopt),
      params: { ...shared, recipe: chosen.recipe },
      inputs,
      outputs: { quality: local(`${folder}/measured/${SCHEME_PLAN}.json`) },
      resources,
    });
    return { own: from(judged, "quality"), controls: {} };
  }
  const all = { ...shared, candidates: candidatesToMeasure(chosen) };
  const prepares = numbersOf(all.candidates);
  const expected = expectedPlanQuality(model.device, 1);
  const measure = (name: string, plan: Input): Input => {
    const judged = action({
      op: planQuality,
      params: all,
      inputs: { ...inputs, plan },
      outputs: { quality: local(`${folder}/measured/${name}.json`) },
      resources,
      // Loading and calibrating is nearly all that a lone plan costs.
      batch: { apart: ["plan"], shared: 0.99 },
      expected,
      prepares,
    });
    return from(judged, "quality");
  };
  const controls = Object.entries(chosen.controls?.plans ?? {});
  return {
    own: measure(SCHEME_PLAN, chosen.plan),
    controls: Object.fromEntries(
      controls.map(([name, plan]) => [`measured_${name}`, measure(name, plan)] as const),
    ),
  };
}

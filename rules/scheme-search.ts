import {
  action,
  committed,
  from,
  local,
  typescriptOp,
  type DeclaredAction,
  type Input,
  type PythonOps,
} from "aqm";
import type { ExportFormat } from "aqm/analysis";
import type { AutoquantConfig, SchemeConfig } from "./configs.ts";
import type { Scored } from "./engines/engine.ts";
import { expectedPlanQuality, expectedSearch } from "./expected.ts";
import { measuredSearch } from "./measured-search.ts";
import { measuring, sharedOut } from "./measuring.ts";
import { numbersOf } from "./modelopt.ts";
import { planQuality } from "./plan-quality.ts";
import { imagesOf } from "./samples.ts";
import type { ExportedCandidate } from "./scheme-exports.ts";
import type { CandidateParams } from "./translate/plan-candidates.ts";

const aloneOp = typescriptOp<typeof import("./ops/alone-plan.ts")>("aqm/rules/ops/alone-plan.ts");
const problemOp = typescriptOp<typeof import("./ops/search-problem.ts")>(
  "aqm/rules/ops/search-problem.ts",
);

type Config = PythonOps["measured_search"]["params"]["candidates"][number]["config"];

/** A scheme as far as searching it goes. */
export interface SchemeToSearch extends Scored {
  readonly scheme: SchemeConfig;
  /** How the model is calibrated: as its scores were. */
  readonly autoquant: AutoquantConfig;
  readonly tensors: Input;
  readonly candidates: readonly (ExportedCandidate & CandidateParams)[];
  /** Of each candidate by its role, with its manifest. */
  readonly scores: Readonly<Record<string, Input>>;
}

/** What was measured of every layer group quantized alone, on the held-out set `search`. */
export type AloneMeasurements = (of: SchemeToSearch) => Input;

/**
 * One measurement for all schemes of a model with the same candidates, scope, size and choice of lm_head.
 *
 * @param root folder of the model's artifacts
 */
export function aloneOf(root: string): AloneMeasurements {
  const known = new Map<string, DeclaredAction<"quality">>();
  return (of) => {
    const { scheme, scope, size } = of;
    const run = `${scope}_${size}${scheme.lm_head ? "_lm_head" : ""}`;
    const names = of.candidates.map(({ name }) => name).join("+");
    const folder = `${root}/searched/${run}/${names}`;
    // Of other batches it is another measurement, and two that want one path are refused.
    const which = `${folder} ${scheme.controls.batch_size[scope]}`;
    const made = known.get(which) ?? measuredAlone(of, folder);
    known.set(which, made);
    return from(made, "quality");
  };
}

function measuredAlone(of: SchemeToSearch, folder: string): DeclaredAction<"quality"> {
  const { model, scheme, tensors, scores, candidates } = of;
  const plan = action({
    op: aloneOp,
    params: { lm_head: scheme.lm_head, candidates: candidates.map(named) },
    inputs: { tensors, ...scores },
    outputs: { plan: local(`${folder}/alone-plan.json`) },
  });
  const { params, inputs, resources, prepares } = searchedOn(of);
  return action({
    op: planQuality,
    params,
    inputs: { ...inputs, plan: from(plan, "plan") },
    outputs: { quality: local(`${folder}/alone.json`) },
    resources: sharedOut(resources),
    expected: expectedPlanQuality(model.device, 100 * candidates.length),
    prepares,
  });
}

/**
 * Groups measured alone, then the problem, then the search: a longer one continues a shorter one.
 *
 * @param folder `quantized/<scheme>` of the model
 */
export function schemeSearch(
  of: SchemeToSearch,
  { measurements, starts, seed }: NonNullable<SchemeConfig["search"]>,
  exports: readonly ExportFormat[],
  alone: Input,
  folder: string,
): Input {
  const { scheme, model, tensors, scores, candidates, calibration } = of;
  const { choice } = scheme;
  if (!("bits" in choice || "gigabytes" in choice || "goal" in choice))
    throw new Error(`${scheme.name} is not searched, as conf/schema/scheme.schema.json says`);
  const made = action({
    op: problemOp,
    params: {
      name: scheme.name,
      lm_head: scheme.lm_head,
      choice,
      starts,
      exports,
      candidates: candidates.map(named),
    },
    inputs: { tensors, ...scores, alone },
    outputs: { problem: local(`${folder}/search/problem.json`) },
  });
  const { params, inputs, resources, prepares } = searchedOn(of);
  const { confirm } = calibration.heldOut;
  const files = { problem: from(made, "problem"), held_out_confirm: confirm.database };
  const found = action({
    op: measuredSearch,
    params: { ...params, measurements, seed },
    inputs:
      "images" in inputs
        ? { ...inputs, ...files, held_out_confirm_images: imagesOf(confirm) }
        : { ...inputs, ...files },
    outputs: { search: committed(`${folder}/search.json`) },
    resources: sharedOut(resources, "goal" in choice ? "goal" : "plans"),
    resumable: { bounds: ["measurements"] },
    expected: expectedSearch(model.device, measurements),
    prepares,
  });
  return from(found, "search");
}

/** What measuring on the held-out set `search` takes. */
function searchedOn(of: SchemeToSearch) {
  const { scheme, candidates } = of;
  const config = { held_out: "search", batch_size: scheme.controls.batch_size } as const;
  const { params, inputs, resources } = measuring({ ...of, config });
  const formats = candidates.map(({ name, config: own }) => ({ name, config: own as Config }));
  return {
    params: { ...params, include_lm_head: scheme.lm_head, candidates: formats },
    inputs,
    resources,
    prepares: numbersOf(formats),
  };
}

const named = ({ name, quantizers, algorithm }: CandidateParams): CandidateParams => ({
  name,
  quantizers,
  algorithm,
});

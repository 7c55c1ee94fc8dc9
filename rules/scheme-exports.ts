import {
  action,
  committed,
  from,
  local,
  pythonOp,
  skip,
  type Declared,
  type DeclaredAction,
  type Input,
  type PythonOps,
} from "aqm";
import type { ExportFormat, PairQuantizers } from "aqm/analysis";
import { storedForm } from "aqm/analysis/schemes/stored-form.ts";
import { oneGpu, type AutoquantConfig, type SchemeConfig } from "./configs.ts";
import type { Scored } from "./engines/engine.ts";
import { expectedExport } from "./expected.ts";
import { measuring } from "./measuring.ts";
import { modelopt, numbersOf } from "./modelopt.ts";
import { torch } from "./torch.ts";

const OPS = {
  modelopt: pythonOp("modelopt_export", modelopt),
  compressed_tensors: pythonOp("compressed_tensors_export", modelopt),
} as const;
const recipeExport = pythonOp("recipe_export", modelopt);
const inputRanges = pythonOp("input_ranges", torch);

type Candidate = PythonOps["modelopt_export"]["params"]["candidates"][number];

/** How the folder of an export format is called. */
export const EXPORT_FOLDERS = {
  modelopt: "modelopt",
  compressed_tensors: "compressed-tensors",
} as const;

/** A pair as the exports take it. */
export interface ExportedCandidate {
  readonly name: string;
  readonly quantizers: PairQuantizers;
  /** In ModelOpt's own form. */
  readonly config: object;
}

/** The export formats of a scheme that can hold all of its candidates, and why the others cannot. */
export function possibleExports(
  exports: readonly ExportFormat[],
  candidates: readonly Pick<ExportedCandidate, "name" | "quantizers">[],
): {
  readonly possible: readonly ExportFormat[];
  readonly skipped: ReadonlyMap<ExportFormat, string>;
} {
  const skipped = new Map<ExportFormat, string>();
  for (const format of exports) {
    for (const { name, quantizers } of candidates) {
      const stored = storedForm(quantizers, format);
      if ("because" in stored) skipped.set(format, `its candidate ${name}: ${stored.because}`);
    }
  }
  return { possible: exports.filter((format) => !skipped.has(format)), skipped };
}

/** The largest inputs of all layers: one action for all schemes of a model, scope, size and choice of lm_head. */
export type InputRanges = (of: Scored, scheme: SchemeConfig) => Input;

/** @param root folder of the model's artifacts */
export function inputRangesOf(root: string, autoquant: AutoquantConfig): InputRanges {
  const known = new Map<string, DeclaredAction<"ranges">>();
  return (of, scheme) => {
    const head = scheme.lm_head ? "_lm_head" : "";
    const run = `${of.model.name}_${of.scope}_${of.size}${head}`;
    const { resources, ...given } = calibrated(of, scheme, autoquant);
    const made =
      known.get(run) ??
      action({
        op: inputRanges,
        ...given,
        outputs: { ranges: committed(`${root}/calibrated/${run}/input-ranges.json`) },
        resources,
      });
    known.set(run, made);
    return from(made, "ranges");
  };
}

/** What calibrating for an export takes: the model and the data, and nothing that is held out. */
function calibrated(of: Scored, scheme: SchemeConfig, autoquant: AutoquantConfig) {
  const { params, inputs, resources } = measuring({ ...of, autoquant, config: scheme.controls });
  const { scope, dtype, calibration, attention } = params;
  const { checkpoint, database } = inputs;
  return {
    params: { scope, dtype, calibration, include_lm_head: scheme.lm_head, attention },
    inputs:
      "images" in inputs
        ? { checkpoint, database, images: inputs.images }
        : { checkpoint, database },
    resources,
  };
}

export interface SchemeToExport extends Scored {
  readonly scheme: SchemeConfig;
  /** `quantized/<scheme>` of the model. */
  readonly folder: string;
  readonly candidates: readonly ExportedCandidate[];
  /** `plans/scheme.json`. */
  readonly plan: Input;
  readonly ranges: InputRanges;
}

/** An exported folder, and what was found when it was read back. */
export interface Exported {
  readonly format: ExportFormat;
  readonly checkpoint: Input;
  readonly check: Input;
}

/** A checkpoint in each export format that can hold the scheme, checked before it is published. */
export function schemeExports(of: SchemeToExport): {
  readonly declared: Declared;
  readonly exported: readonly Exported[];
} {
  const { scheme, model, checkpoint, folder, candidates, plan, scope } = of;
  const { possible, skipped } = possibleExports(scheme.exports, candidates);
  const needsRanges = candidates.some(
    ({ quantizers: { input } }) => input !== null && input.type !== "dynamic",
  );
  const inputs = { checkpoint, plan, ...(needsRanges ? { ranges: of.ranges(of, scheme) } : {}) };
  const params = {
    scope,
    dtype: model.dtype,
    candidates: candidates.map(({ name, config }) => ({
      name,
      config: config as Candidate["config"],
    })),
    include_lm_head: scheme.lm_head,
  };
  const exported = possible.map((format): Exported & { readonly made: DeclaredAction } => {
    const path = `${folder}/${EXPORT_FOLDERS[format]}`;
    const made = action({
      op: OPS[format],
      params,
      inputs,
      outputs: { checkpoint: local(path, "folder"), check: committed(`${path}-check.json`) },
      resources: { gpu: oneGpu(model) },
      expected: expectedExport(model.device),
      prepares: numbersOf(params.candidates),
    });
    return { format, made, checkpoint: from(made, "checkpoint"), check: from(made, "check") };
  });
  const left = [...skipped].map(([format, why]) =>
    skip(`${folder}/${EXPORT_FOLDERS[format]}`, why),
  );
  return { declared: [...exported.map(({ made }) => made), ...left], exported };
}

/** A recipe of ModelOpt, which calibrates by itself, as ModelOpt's checkpoint. */
export function recipeExports(
  of: Pick<SchemeToExport, keyof Scored | "scheme" | "folder">,
  recipe: PythonOps["recipe_export"]["params"]["recipe"],
  autoquant: AutoquantConfig,
): { readonly declared: Declared; readonly exported: readonly Exported[] } {
  const { params, inputs, resources } = calibrated(of, of.scheme, autoquant);
  const path = `${of.folder}/${EXPORT_FOLDERS.modelopt}`;
  const made = action({
    op: recipeExport,
    params: { ...params, recipe },
    inputs,
    outputs: { checkpoint: local(path, "folder"), check: committed(`${path}-check.json`) },
    resources,
    // What calibration finds out is kept, for an export that fails afterwards.
    resumable: { bounds: [] },
    expected: expectedExport(of.model.device),
  });
  const exported = {
    format: "modelopt",
    checkpoint: from(made, "checkpoint"),
    check: from(made, "check"),
  } as const;
  return { declared: made, exported: [exported] };
}

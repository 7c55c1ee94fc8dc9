import {
  action,
  committed,
  configuration,
  file,
  from,
  local,
  pythonOp,
  skip,
  type Declared,
  type DeclaredAction,
  type Input,
  type PythonOps,
} from "aqm";
import { autoround } from "./autoround.ts";
import {
  oneGpu,
  type AutoroundConfig,
  type AutoquantConfig,
  type GranularityConfig,
  type QuantPairConfig,
} from "./configs.ts";
import type { Engine, Scored } from "./engines/engine.ts";
import { expectedExport } from "./expected.ts";
import { measuring } from "./measuring.ts";
import type { SchemeOfReport } from "./scheme-inputs.ts";

const exportOp = pythonOp("autoround_export", autoround);
const qualityOp = pythonOp("autoround_quality", autoround);

type Candidate = PythonOps["autoround_export"]["params"]["candidates"][number];
type Form = PythonOps["autoround_export"]["params"]["format"];
type Made = NonNullable<SchemeOfReport["results"]>;

export interface AutoroundModelsCell extends Omit<Scored, "scope" | "size"> {
  readonly settings: AutoroundConfig;
  readonly autoround: Engine;
  readonly autoquant: AutoquantConfig;
  readonly granularity: GranularityConfig;
  /** Schemes by AutoRound's scores that this model has. */
  readonly schemes: readonly SchemeOfReport[];
}

/**
 * Of every scheme by AutoRound's scores the checkpoints whose rounding AutoRound has tuned, in its own form and as
 * compressed-tensors, one that was only rounded, and what tuning is worth on held-out data.
 */
export const autoroundModels = (cell: AutoroundModelsCell): Declared =>
  cell.schemes.map(({ results }) =>
    results === undefined
      ? []
      : results.scheme.scope === "lm"
        ? tunedModels(cell, results)
        : skip(
            `${results.folder}/autoround`,
            "AutoRound 0.16.1 tunes vision layers on data of its own alone",
          ),
  );

function tunedModels(cell: AutoroundModelsCell, { scheme, folder }: Made): Declared {
  const { checkpoint, calibration, model, settings } = cell;
  const { iters } = settings.tuning;
  const exported = (format: Form, steps: number, name: string) =>
    tuned(cell, { scheme, folder }, format, steps, `${folder}/${name}`);
  const own = exported("auto_round", iters, "autoround");
  const served = exported("llm_compressor", iters, "autoround-compressed-tensors");
  const rounded = exported("llm_compressor", 0, "autoround-rounded");
  const { params, inputs, resources } = measuring({
    ...{ ...cell, scope: "lm", size: scheme.size },
    config: scheme.controls,
  });
  const quality = action({
    op: qualityOp,
    params: {
      scope: "lm",
      format: "llm_compressor",
      dtype: model.dtype,
      calibration: tunedOn(cell),
      measure: params.measure,
      attention: params.attention,
    },
    inputs: {
      checkpoint,
      quantized: from(served, "checkpoint"),
      against: from(rounded, "checkpoint"),
      database: inputs.database,
      held_out: inputs.held_out,
      sample: calibration.sample,
    },
    outputs: { quality: committed(`${folder}/autoround-quality.json`) },
    resources,
    expected: expectedExport(model.device),
  });
  return [own, served, rounded, quality];
}

function tuned(
  { checkpoint, calibration, model, settings, ...cell }: AutoroundModelsCell,
  { scheme, folder }: Pick<Made, "scheme" | "folder">,
  format: Form,
  iters: number,
  path: string,
): DeclaredAction<"checkpoint" | "check"> {
  const candidates = (scheme.candidates ?? []).flatMap((name): Candidate[] => {
    const pair = configuration<QuantPairConfig>("quant_pair", name);
    const of = cell.autoround.formatOf(pair, cell.granularity);
    return of.ok ? [{ name, config: of.value.config as Candidate["config"] }] : [];
  });
  return action({
    op: exportOp,
    params: {
      scope: "lm",
      candidates,
      format,
      iters,
      seed: settings.tuning.seed,
      dtype: model.dtype,
      calibration: tunedOn({ settings, calibration }),
      include_lm_head: scheme.lm_head,
    },
    inputs: {
      checkpoint,
      plan: file(`${folder}/plans/scheme.json`),
      database: calibration.subsets[scheme.size].database satisfies Input,
    },
    outputs: { checkpoint: local(path, "folder"), check: committed(`${path}-check.json`) },
    resources: { gpu: oneGpu(model) },
    expected: expectedExport(model.device),
  });
}

/** What is tuned on, and how it is fed: AutoRound takes batches of one width. */
const tunedOn = ({
  settings,
  calibration,
}: Pick<AutoroundModelsCell, "settings" | "calibration">) => ({
  samples: settings.tuning.samples,
  batch_size: settings.batch_size.lm,
  sequence_length: calibration.dataset.calib_seq_len,
  padding: "max_length" as const,
});

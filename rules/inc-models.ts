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
import type { GranularityConfig, IncConfig, QuantPairConfig } from "./configs.ts";
import type { Engine, Scored } from "./engines/engine.ts";
import { expectedInc } from "./expected.ts";
import { incQuantize } from "./inc.ts";
import { imagesOf } from "./samples.ts";
import type { SchemeOfReport } from "./scheme-inputs.ts";

const profileOp = typescriptOp<typeof import("./ops/inc-profile.ts")>(
  "aqm/rules/ops/inc-profile.ts",
);
const baselineOp = typescriptOp<typeof import("./ops/inc-baseline.ts")>(
  "aqm/rules/ops/inc-baseline.ts",
);

/** The one format that Intel Neural Compressor 2 and the other engines have in common. */
export const INC_PAIR = "wint8_aint8";

type OpFormat = PythonOps["inc_quantize"]["params"]["format"];

export interface IncModelsCell extends Omit<Scored, "scope" | "size"> {
  /** `quantized/inc` of the model. */
  readonly folder: string;
  readonly settings: IncConfig;
  readonly inc: Engine;
  readonly granularity: GranularityConfig;
  /** Schemes by INC's scores that this model has. */
  readonly schemes: readonly SchemeOfReport[];
}

/**
 * Of every scheme by INC's scores its profile, the INT8 ops by name, and INC's own saved model with exactly these
 * ops in INT8; and a model without any, to compare with.
 */
export function incModels(cell: IncModelsCell): Declared {
  const { folder, inc, granularity, model, schemes } = cell;
  const format = inc.formatOf(configuration<QuantPairConfig>("quant_pair", INC_PAIR), granularity);
  const because = format.ok ? format.value.unsupported[model.device] : format.error.message;
  const results = schemes.flatMap((scheme) => scheme.results ?? []);
  const [first] = results;
  if (!format.ok || because !== null) return skip(`${folder}/fp16_baseline`, because ?? "");
  if (first === undefined) return [];
  const own = { name: format.value.name, config: format.value.config as OpFormat["config"] };
  const baseline = action({
    op: baselineOp,
    params: {},
    inputs: {},
    outputs: { ops: local(`${folder}/fp16_baseline/ops.json`) },
  });
  const { scope, size } = first.scheme;
  return [
    saved(cell, { scope, size }, own, from(baseline, "ops"), `${folder}/fp16_baseline`),
    results.map(({ scheme, document, folder: place }) => {
      const profile = action({
        op: profileOp,
        params: {},
        inputs: { scheme: document },
        outputs: {
          profile: committed(`${place}/profile.yaml`),
          ops: local(`${place}/ops.json`),
        },
      });
      return [profile, saved(cell, scheme, own, from(profile, "ops"), place)];
    }),
  ];
}

/** INC's own model, and what it says of itself before and after it was loaded again. */
function saved(
  { checkpoint, calibration, settings }: IncModelsCell,
  { scope, size }: Pick<Scored, "scope" | "size">,
  format: OpFormat,
  ops: Input,
  folder: string,
): Declared {
  const subset = calibration.subsets[size];
  const { captions, database, samples } = subset;
  const data = scope === "lm" ? { captions } : { database, images: imagesOf(subset) };
  return action({
    op: incQuantize,
    params: {
      scope,
      format,
      dtype: "float32",
      batch_size: settings.batch_size[scope],
      sequence_length: calibration.dataset.calib_seq_len,
      calibration_samples: Math.min(settings.score_size, samples),
      measure_samples: Math.min(settings.score_size, samples),
      padding: settings.padding,
      attention: settings.attention,
    },
    inputs: { checkpoint, ops, ...data },
    outputs: {
      model: local(`${folder}/inc`, "folder"),
      document: committed(`${folder}/inc-check.json`),
    },
    expected: expectedInc({
      samples: settings.score_size,
      batchSize: settings.batch_size[scope],
    }),
  });
}

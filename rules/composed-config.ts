import { action, committed, typescriptOp, type Declared, type Input } from "aqm";
import type { Format } from "./engines/engine.ts";
import type { SensitivityCell } from "./sensitivity-cell.ts";

const op = typescriptOp<typeof import("./ops/composed-config.ts")>(
  "aqm/rules/ops/composed-config.ts",
);

/**
 * All settings that a run was made with, resolved, beside its results. The sections and their order are
 * those of published runs; what differs from machine to machine (device, absolute paths) is not in it, and
 * nothing reads it.
 *
 * @param scores of the run. They are not read: settings of a run whose scores cannot be made are no result.
 */
export function composedConfig(
  cell: SensitivityCell,
  format: Format,
  scores: Input,
  folder: string,
): Declared {
  const { model, calibration, pair, granularity, scope, size, engine } = cell;
  const { dataset, subsets } = calibration;
  const { captions, database, samples } = subsets[size];
  const sections = {
    model: {
      name: model.name,
      ...(model.family === undefined ? {} : { family: model.family }),
      path: model.checkpoint,
      dtype: model.dtype,
      source: model.source,
    },
    dataset: {
      name: dataset.name,
      root: dataset.calibration,
      size,
      ...(scope === "lm" ? { captions_path: captions.path } : { vlm_calib_db: database.path }),
      size_to_max_samples: dataset.sizes,
      max_calib_samples: samples,
      calib_seq_len: dataset.calib_seq_len,
      full_samples: dataset.full_samples,
      seed: dataset.seed,
    },
    quant_pair: pair,
    quant_granularity: granularity,
    quant_format: { name: format.name, config: format.config },
    ...engine.settings(scope),
  };
  return action({
    op,
    params: plain(sections),
    inputs: { scores },
    outputs: { config: committed(`${folder}/composed-config.yaml`) },
  });
}

/** The same without types that hold less than JSON: configs were checked against their schemas. */
const plain = (
  sections: object,
): Parameters<typeof import("./ops/composed-config.ts").run>[0]["params"] =>
  sections as ReturnType<typeof plain>;

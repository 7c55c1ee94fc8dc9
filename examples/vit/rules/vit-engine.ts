import { action, committed, pythonOp } from "aqm";
import type { Engine, Scored } from "aqm/rules/engines/engine.ts";
import { modeloptFormat } from "aqm/rules/engines/modelopt.ts";
import { expectedScoring } from "aqm/rules/expected.ts";
import { modelopt } from "aqm/rules/modelopt.ts";
import { imagesOf } from "aqm/rules/samples.ts";
import type { VitScoring } from "./configs.ts";

const op = pythonOp("vit_scores", modelopt);

/** ModelOpt's AutoQuantize on an image classifier: another op than for language models, the same formats. */
export const vitEngine = (config: VitScoring): Engine => ({
  name: "modelopt",
  word: "autoquant",
  effectiveBits: config.effective_bits,
  loss: null,
  scoreSize: () => config.score_size,
  settings: () => ({ vit: config }),
  formatOf: (pair, granularity) => {
    const format = modeloptFormat(pair, granularity);
    if (!format.ok) return format;
    const { name, config: quantizers } = format.value;
    return {
      ok: true,
      value: {
        ...format.value,
        scores: (what, folder) => scores(config, what, { name, config: quantizers }, folder),
      },
    };
  },
});

function scores(
  { name: _inThePath, effective_bits: _solvedLater, ...settings }: VitScoring,
  { model, checkpoint, calibration, size }: Scored,
  format: { readonly name: string; readonly config: object },
  folder: string,
) {
  const subset = calibration.subsets[size];
  const { samples, database } = subset;
  return action({
    op,
    params: {
      ...settings,
      scope: "all_layers",
      dtype: model.dtype,
      calibration_samples: null,
      format,
    },
    inputs: { checkpoint, database, images: imagesOf(subset) },
    outputs: { scores: committed(`${folder}/sensitivity-scores.json`) },
    resources: { gpu: model.device === "cuda" ? 1 : 0 },
    expected: expectedScoring({
      samples,
      batchSize: settings.batch_size,
      scoreSize: settings.score_size,
      device: model.device,
    }),
  });
}

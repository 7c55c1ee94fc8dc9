import { action, committed, file, typescriptOp, type Declared, type PythonOps } from "aqm";
import type { Analysed } from "aqm/analysis";
import { applyGranularity } from "aqm/analysis/formats/granularity.ts";
import {
  oneGpu,
  type GranularityConfig,
  type IncConfig,
  type QuantPairConfig,
} from "../configs.ts";
import { expectedInc } from "../expected.ts";
import { incScores } from "../inc.ts";
import {
  formatName,
  sharedAction,
  sharedParams,
  type Engine,
  type Format,
  type Scored,
} from "./engine.ts";

const reportOp = typescriptOp<typeof import("../ops/op-sensitivity.ts")>(
  "aqm/rules/ops/op-sensitivity.ts",
);

type OpFormat = PythonOps["inc_scores"]["params"]["format"];

/** Intel Neural Compressor's sensitivity of ops, with the settings of a config of the group `inc`. */
export const incEngine = (config: IncConfig): Engine => ({
  name: "inc",
  word: "inc",
  effectiveBits: config.effective_bits,
  loss: null,
  scoreSize: () => config.score_size,
  settings: (scope) => ({ inc: { ...config, scope, batch_size: config.batch_size[scope] } }),
  formatOf: (pair, granularity) => formatOf(config, pair, granularity),
});

function formatOf(
  settings: IncConfig,
  pair: QuantPairConfig,
  granularity: GranularityConfig,
): Analysed<Format> {
  const merged = applyGranularity(pair.quantizers, granularity);
  if (!merged.ok) return merged;
  const name = formatName(pair, granularity);
  const config = int8Config(merged.value);
  const because = typeof config === "string" ? config : null;
  return {
    ok: true,
    value: {
      name,
      quantizers: merged.value,
      config: typeof config === "string" ? {} : config,
      unsupported: {
        cpu: because,
        cuda: because ?? "Intel Neural Compressor 2 quantizes on a CPU alone",
      },
      scores: (what, folder) =>
        scores(settings, what, { name, config: config as OpFormat["config"] }, folder),
      reports: (what, folder) => opReports(settings, what, folder),
    },
  };
}

/** The format as INC takes it, or why it has none like it. */
function int8Config({ weight, input }: QuantPairConfig["quantizers"]): OpFormat["config"] | string {
  const known = "Intel Neural Compressor 2 knows INT8 weights with INT8 inputs";
  if (weight.num_bits !== 8 || input?.num_bits !== 8) return `${known}, and no other pair`;
  const { axis: tokens = null } = input;
  const isBlocked = weight.block_sizes !== undefined || input.block_sizes !== undefined;
  if (isBlocked || weight.axis !== 0 || tokens !== null || input.type === "dynamic")
    return `${known} with a scale for each row of weights, and a static one for the inputs`;
  return { weight: { num_bits: 8, axis: 0 }, input: { num_bits: 8, axis: null } };
}

/** The ranked ops as Markdown, and the same where summaries of Intel Neural Compressor are kept. */
function opReports(settings: IncConfig, { model, scope, size }: Scored, folder: string): Declared {
  const name = opsFile(settings);
  const summaries = "context/summaries/inc-kb";
  const up = summaries
    .split("/")
    .map(() => "..")
    .join("/");
  return action({
    op: reportOp,
    params: {
      model: model.name,
      sources: { report: `${name}.json`, summary: `${up}/${folder}/${name}.json` },
    },
    inputs: { ops: file(`${folder}/${name}.json`) },
    outputs: {
      report: committed(`${folder}/${name}.md`),
      summary: committed(
        `${summaries}/${model.name}_${settings.method}_sensitivity_${scope}_${size}.md`,
      ),
    },
  });
}

const opsFile = ({ method }: Pick<IncConfig, "method">): string => `op_sensitivity_${method}_cpu`;

function scores(
  { name: _inThePath, effective_bits: _solvedLater, batch_size, ...settings }: IncConfig,
  what: Scored,
  format: OpFormat,
  folder: string,
) {
  const { calibration, scope, size } = what;
  const { samples } = calibration.subsets[size];
  const shared = sharedAction(what, folder);
  return action({
    op: incScores,
    ...shared,
    resources: { gpu: oneGpu(what.model) },
    outputs: {
      ...shared.outputs,
      ops: committed(`${folder}/${opsFile(settings)}.json`),
    },
    params: {
      ...settings,
      ...sharedParams(what, batch_size),
      dtype: "float32",
      score_size: Math.min(settings.score_size, samples),
      format,
    },
    resumable: { bounds: ["score_size", "max_ops"] },
    expected: expectedInc({ samples: settings.score_size, batchSize: batch_size[scope] }),
  });
}

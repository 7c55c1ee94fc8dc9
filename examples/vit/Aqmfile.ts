import { build, configuration } from "aqm";
import { bitPlan } from "aqm/rules/bit-plan.ts";
import { calibration } from "aqm/rules/calibration.ts";
import type { BitPlanConfig, GranularityConfig, QuantPairConfig } from "aqm/rules/configs.ts";
import { sensitivity } from "aqm/rules/sensitivity.ts";
import type { VitModel, VitScoring } from "./rules/configs.ts";
import { vitCheckpoint } from "./rules/vit-checkpoint.ts";
import { vitEngine } from "./rules/vit-engine.ts";

const model = configuration<VitModel>("model", "vit_tiny");
const plan = configuration<BitPlanConfig>("bit_plan", "int4_int8_fp8_at_6p0bits");
const engine = vitEngine(configuration<VitScoring>("vit", "default"));
const granularity = configuration<GranularityConfig>("granularity", "default");

const layout = { name: "publish", root: "models" };
const scored = {
  model,
  checkpoint: vitCheckpoint(model),
  calibration: calibration("shapes"),
  scope: "all_layers",
  size: "small",
  languageModel: false,
} as const;

const analyses = new Map(
  plan.candidates.map((name) => {
    const pair = configuration<QuantPairConfig>("quant_pair", name);
    return [name, sensitivity({ ...scored, pair, granularity, engine, layout })];
  }),
);

export default build([
  ...[...analyses.values()].map(({ declared }) => declared),
  bitPlan({ ...scored, layout, plan, analysis: (pair) => analyses.get(pair) }),
]);

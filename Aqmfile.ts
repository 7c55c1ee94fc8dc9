import { build, configuration, configurationNames, grid } from "aqm";
import { calibration } from "./rules/calibration.ts";
import { checkpoint } from "./rules/checkpoint.ts";
import {
  SCOPES,
  SIZES,
  type AutoquantConfig,
  type OutputLayoutConfig,
  type QuantPairConfig,
} from "./rules/configs.ts";
import { sensitivity } from "./rules/sensitivity.ts";

const coco = calibration("coco2017");
const shapes = calibration("synthetic_coco");
const layout = configuration<OutputLayoutConfig>("output_layout", "publish");
const autoquant = configuration<AutoquantConfig>("autoquant", "gradient_default");

const models = [
  { name: "qwen3_vl_4b_instruct", data: coco },
  { name: "qwen2_5_vl_3b_instruct", data: coco },
  { name: "qwen3_vl_tiny", data: shapes },
  { name: "qwen2_5_vl_tiny", data: shapes },
];

export default build(
  models.map(({ name, data }) => {
    const { model, files } = checkpoint(name);
    return grid(
      { pair: configurationNames("quant_pair"), scope: SCOPES, size: SIZES },
      ({ pair, scope, size }) =>
        sensitivity({
          model,
          checkpoint: files,
          calibration: data,
          pair: configuration<QuantPairConfig>("quant_pair", pair),
          scope,
          size,
          autoquant,
          layout,
        }),
    );
  }),
  {
    defaults: ["models/qwen3_vl_tiny/layer-analysis/weight-fp8-act-fp8"],
    adopters: ["rules/adopters/published-analysis.ts"],
  },
);

import { action, from, local, pythonOp, type Input, type PythonOps } from "aqm";
import type { PairQuantizers } from "aqm/analysis";
import { capability, KNOWN_MODELOPT } from "aqm/analysis/formats/capability.ts";
import { weightStorage } from "aqm/analysis/formats/storage.ts";
import type { ModelConfig } from "./configs.ts";
import { modelopt } from "./modelopt.ts";

type Params = PythonOps["recipe_quality"]["params"];

/** What people take who choose nothing by the layer: a config of ModelOpt, the same for all layers. */
interface QualityRecipe {
  /** As ModelOpt calls its config. */
  readonly name: Params["recipe"];
  /** What the config makes of weights and inputs; a Python test holds it against ModelOpt. */
  readonly quantizers: PairQuantizers;
}

const E4M3 = [4, 3] as const;
const FP8 = { num_bits: E4M3, axis: null } as const;
const NVFP4 = {
  num_bits: [2, 1],
  block_sizes: { "-1": 16, type: "dynamic", scale_bits: E4M3 },
} as const;

export const QUALITY_RECIPES: readonly QualityRecipe[] = [
  {
    name: "INT8_SMOOTHQUANT_CFG",
    quantizers: { weight: { num_bits: 8, axis: 0 }, input: { num_bits: 8, axis: null } },
  },
  {
    name: "INT4_AWQ_CFG",
    quantizers: {
      weight: { num_bits: 4, block_sizes: { "-1": 128, type: "static" } },
      input: null,
    },
  },
  { name: "FP8_DEFAULT_CFG", quantizers: { weight: FP8, input: FP8 } },
  { name: "NVFP4_DEFAULT_CFG", quantizers: { weight: NVFP4, input: NVFP4 } },
];

/**
 * Bits of a weight as plans count them: block scales included, the few scales of rows and tensors left out, and so
 * the scales of inputs, a number for each input feature of a layer.
 */
function recipeBits({ quantizers: { weight } }: QualityRecipe): number {
  const { value, scalePerWeight } = weightStorage(weight);
  return value + scalePerWeight;
}

export interface MeasuredRecipes {
  /** Name and bits of each, in the order above. */
  readonly recipes: readonly { readonly name: string; readonly bits: number }[];
  /** The document of each, by the role `recipe_<name>`. */
  readonly inputs: Readonly<Record<string, Input>>;
  /** Those that the model's device cannot compute, and why. */
  readonly leftOut: readonly { readonly control: string; readonly because: string }[];
}

/**
 * Declares the measurement of each uniform recipe that the device can compute.
 *
 * @param measuring params, inputs and resources that the measurements of plans have as well
 * @param folder of the measured frontier
 */
export function measuredRecipes(
  measuring: {
    readonly params: Omit<Params, "recipe">;
    readonly inputs: PythonOps["recipe_quality"]["inputs"];
    readonly resources: { readonly gpu: number };
  },
  device: ModelConfig["device"],
  folder: string,
): MeasuredRecipes {
  const op = pythonOp("recipe_quality", modelopt);
  const recipes: { name: string; bits: number }[] = [];
  const leftOut: { control: string; because: string }[] = [];
  const inputs: Record<string, Input> = {};
  for (const recipe of QUALITY_RECIPES) {
    const { name, quantizers } = recipe;
    const able = capability(quantizers, {
      device: device === "cpu" ? { kind: "cpu" } : { kind: "cuda", capability: null },
      modelopt: KNOWN_MODELOPT,
      purpose: "score",
    });
    if (able.verdict === "unsupported") {
      leftOut.push({ control: name, because: able.because });
      continue;
    }
    const measured = action({
      op,
      params: { ...measuring.params, recipe: name },
      inputs: measuring.inputs,
      outputs: { quality: local(`${folder}/recipes/${name}.json`) },
      resources: measuring.resources,
    });
    recipes.push({ name, bits: recipeBits(recipe) });
    inputs[`recipe_${name}`] = from(measured, "quality");
  }
  return { recipes, inputs, leftOut };
}

import { numberName, scaleGroup, type PairQuantizers, type Quantizer } from "./quantizer.ts";

/**
 * The `quant_algo` that ModelOpt 0.47.0 writes when it exports layers with these quantizers, or null
 * where its export stops with an error. It looks at the weight first and often not at the activations.
 * Source: `get_quantization_format` and `process_layer_quant_config` of its export.
 */
export function exportLabel({ weight, input }: PairQuantizers): string | null {
  const [number, group] = [numberName(weight), scaleGroup(weight)];
  const blocks = group.startsWith("block");
  const perTensorFp8 = input !== null && isTensorFp8(input);
  switch (number) {
    case "int4":
      return blocks ? "W4A16_AWQ" : null;
    case "int8":
      return input === null ? "W8A16" : "W8A8_SQ_PER_CHANNEL";
    case "fp8":
      return blocks ? "fp8_pb_wo" : group === "row" ? "FP8_PER_CHANNEL_PER_TOKEN" : "FP8";
    case "nvfp4":
      return input === null ? "W4A16_NVFP4" : perTensorFp8 ? "W4A8_NVFP4_FP8" : "NVFP4";
    case "mxfp4":
      return perTensorFp8 ? "W4A8_MXFP4_FP8" : "mxfp4";
    default:
      return null;
  }
}

const isTensorFp8 = (input: Quantizer): boolean =>
  numberName(input) === "fp8" && input.block_sizes === undefined;

/** `fp8 with a scale a tensor`. */
export const described = (quantizer: Quantizer | null): string =>
  quantizer === null
    ? "in high precision"
    : `${numberName(quantizer)} with a scale a ${scaleGroup(quantizer)}`;

/** Which weights and activations a label stands for, as a reader of the checkpoint will take it. */
const MEANING: Readonly<Record<string, readonly [weight: readonly string[], input: string]>> = {
  FP8: [["fp8 with a scale a tensor"], "fp8 with a scale a tensor"],
  FP8_PER_CHANNEL_PER_TOKEN: [["fp8 with a scale a row"], "fp8 with a scale a token"],
  W8A8_SQ_PER_CHANNEL: [["int8 with a scale a row"], "int8 with a scale a tensor"],
  W8A16: [["int8 with a scale a row"], "in high precision"],
  W4A16_AWQ: [
    ["int4 with a scale a block of 128", "int4 with a scale a block of 64"],
    "in high precision",
  ],
  NVFP4: [["nvfp4 with a scale a block of 16"], "nvfp4 with a scale a block of 16"],
  W4A16_NVFP4: [["nvfp4 with a scale a block of 16"], "in high precision"],
  W4A8_NVFP4_FP8: [["nvfp4 with a scale a block of 32"], "fp8 with a scale a tensor"],
  W4A8_MXFP4_FP8: [["mxfp4 with a scale a block of 32"], "fp8 with a scale a tensor"],
  mxfp4: [["mxfp4 with a scale a block of 32"], "mxfp4 with a scale a block of 32"],
  fp8_pb_wo: [["fp8 with a scale a square of 128"], "in high precision"],
};

/** Why an export of these quantizers would not be what it says, or null when it is. */
export function whyMislabelled({ weight, input }: PairQuantizers): string | null {
  const label = exportLabel({ weight, input });
  const meaning = label === null ? undefined : MEANING[label];
  if (label === null || meaning === undefined) {
    return `ModelOpt's export knows no weights that are ${described(weight)}`;
  }
  const [weights, activations] = meaning;
  if (!weights.includes(described(weight))) {
    return `ModelOpt would export it as ${label}, whose weights are ${weights[0]}; these are ${described(weight)}`;
  }
  if (activations !== described(input)) {
    return `ModelOpt would export it as ${label}, whose activations are ${activations}; these are ${described(input)}`;
  }
  return null;
}

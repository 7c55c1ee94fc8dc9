import { failed, ok, type Analysed } from "../result/result.ts";
import { numberName, scaleGroup, type PairQuantizers, type Quantizer } from "./quantizer.ts";

/** Attributes that replace those of a format's quantizers, by quantizer. */
export interface Granularity {
  readonly name: string;
  readonly quant_cfg_overrides: Readonly<Record<string, Override>>;
}
type Override = Readonly<Record<string, unknown>>;

const WEIGHT = "*weight_quantizer";
const INPUT = "*input_quantizer";

/**
 * A format with another granularity, or why it cannot have it.
 *
 * `axis` and `block_sizes` exclude each other: setting one takes the other away, and an override may not
 * set both. `block_sizes` is merged into the sizes that are there; every other attribute is replaced.
 *
 * Fails with `overlay_invalid` if the overlay makes no sense for any format, and with `overlay_unfit` if
 * this one cannot have it: activations in high precision have no granularity, FP4 numbers exist only in
 * the blocks that define them, and what changes nothing is the default granularity by another name.
 */
export function applyGranularity(
  quantizers: PairQuantizers,
  { name, quant_cfg_overrides: overrides }: Granularity,
): Analysed<PairQuantizers> {
  for (const [key, override] of Object.entries(overrides)) {
    const wrong = whyInvalid(key, override);
    if (wrong !== null) return failed("overlay_invalid", name, `Granularity ${name}: ${wrong}`);
  }
  if (Object.keys(overrides).length === 0) return ok(quantizers);
  const unfit = (why: string): Analysed<PairQuantizers> => failed("overlay_unfit", name, why);
  const { [WEIGHT]: onWeight, [INPUT]: onInput } = overrides;
  if (onInput !== undefined && quantizers.input === null) {
    return unfit("activations in high precision have no granularity");
  }
  const merged: PairQuantizers = {
    weight: mergeQuantizer(quantizers.weight, onWeight),
    input: quantizers.input === null ? null : mergeQuantizer(quantizers.input, onInput),
  };
  const number = numberName(quantizers.weight);
  if (number.endsWith("fp4") && scaleGroup(merged.weight) !== scaleGroup(quantizers.weight)) {
    return unfit(`${number.toUpperCase()} weights exist only in the blocks that define them`);
  }
  if (identity(merged) === identity(quantizers)) {
    return unfit("this granularity is the default of the pair");
  }
  return ok(merged);
}

function whyInvalid(key: string, override: Override): string | null {
  if (key !== WEIGHT && key !== INPUT) {
    return `it overrides ${key}; pairs have ${WEIGHT} and ${INPUT}, and all else off.`;
  }
  return "axis" in override && "block_sizes" in override
    ? `it sets both axis and block_sizes of ${key}, which exclude each other.`
    : null;
}

/** A copy with the override's attributes. */
export function mergeQuantizer(quantizer: Quantizer, override: Override = {}): Quantizer {
  const { axis, block_sizes: blocks, ...rest } = quantizer;
  const kept = {
    ...rest,
    ...(axis === undefined || "block_sizes" in override ? {} : { axis }),
    ...(blocks === undefined || "axis" in override ? {} : { block_sizes: blocks }),
    ...override,
  };
  if (!("block_sizes" in override)) return kept;
  const sizes = override["block_sizes"] as Quantizer["block_sizes"];
  return { ...kept, block_sizes: { ...blocks, ...sizes } };
}

/** Equal for quantizers that compute the same: what is left out is ModelOpt's default. */
function identity({ weight, input }: PairQuantizers): string {
  const parts = [weight, ...(input === null ? [] : [input])].map((quantizer) => [
    quantizer.num_bits,
    quantizer.axis ?? null,
    quantizer.type ?? "static",
    quantizer.block_sizes?.["-1"],
    quantizer.block_sizes?.type ?? "static",
    quantizer.block_sizes?.scale_bits,
  ]);
  return JSON.stringify(parts);
}

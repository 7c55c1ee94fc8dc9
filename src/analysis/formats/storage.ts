import { widthOf, type PairQuantizers, type Quantizer } from "./quantizer.ts";
import { UNQUANTIZED_BITS } from "./label.ts";

/**
 * Width of a scale that is a float. ModelOpt 0.47.0 computes all of them as float32 and exports them so:
 * a 4B checkpoint in INT4 with blocks of 128 has 4.25 bits a weight on the disk. Kernels that keep
 * half-precision scales have 4.125; hand 16 over for those.
 */
export const FLOAT_SCALE_BITS = 32;

/** What a quantized weight takes on the disk, in bits, for any shape. */
export interface WeightStorage {
  /** Of one weight, without scales. */
  readonly value: number;
  /** Of scales, for each weight, row, column and tensor. */
  readonly scalePerWeight: number;
  readonly scalePerRow: number;
  readonly scalePerColumn: number;
  readonly scalePerTensor: number;
}

/**
 * Weights of `num_bits` and their scales. A block's scale counts scale width / block size for each
 * weight. Scales that are numbers themselves (NVFP4: E4M3) have one float for the tensor above them;
 * those that are powers of two (MXFP4: E8M0) have none. E8M0 has no sign, E4M3 keeps its own.
 *
 * Sources: OCP Microscaling Formats 1.0 (blocks of 32, E8M0); ModelOpt 0.47.0's NVFP4 and MXFP4 tensors;
 * `get_weight_scaling_factor` of its export.
 */
export function weightStorage(
  weight: Quantizer,
  floatScaleBits: number = FLOAT_SCALE_BITS,
): WeightStorage {
  const value = widthOf(weight.num_bits);
  const none = { value, scalePerWeight: 0, scalePerRow: 0, scalePerColumn: 0, scalePerTensor: 0 };
  const block = weight.block_sizes?.["-1"];
  if (typeof block === "number") {
    const scale = weight.block_sizes?.scale_bits;
    if (scale === undefined) return { ...none, scalePerWeight: floatScaleBits / block };
    const powerOfTwo = typeof scale === "object" && scale[1] === 0;
    return {
      ...none,
      scalePerWeight: (powerOfTwo ? widthOf(scale) - 1 : widthOf(scale)) / block,
      scalePerTensor: powerOfTwo ? 0 : floatScaleBits,
    };
  }
  if (weight.axis === 0) return { ...none, scalePerRow: floatScaleBits };
  if (weight.axis === 1) return { ...none, scalePerColumn: floatScaleBits };
  return { ...none, scalePerTensor: floatScaleBits };
}

/**
 * Bits of a stored weight with the scale of its block: what a plan counts. The few scales of rows and tensors
 * are left out, since scores do not tell shapes.
 */
export function storedBits(weight: Quantizer): number {
  const { value, scalePerWeight } = weightStorage(weight);
  return value + scalePerWeight;
}

/** Of a weight matrix: a row for each output, a column for each input. */
export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Bits per weight that a matrix really takes: value + scales, where
 * scales = per weight + per row / columns + per column / rows + per tensor / (rows x columns).
 * Blocks are counted as if they divided the columns; a last, shorter block has a scale as well.
 */
export function bitsPerWeight(storage: WeightStorage, { rows, columns }: MatrixShape): number {
  return (
    storage.value +
    storage.scalePerWeight +
    storage.scalePerRow / columns +
    storage.scalePerColumn / rows +
    storage.scalePerTensor / (rows * columns)
  );
}

/** Bits of one activation while it is multiplied; activations are not stored with the weights. */
export const activationBits = (input: Quantizer | null): number =>
  input === null ? UNQUANTIZED_BITS : widthOf(input.num_bits);

/**
 * The bits that ModelOpt's search charges: the least over weight and input quantizer of
 * `effective_bits`, or of the number's width where there is none. So scales hardly count, and a pair
 * with 4-bit activations is charged 4 bits for all weights.
 * Source: `estimate_quant_compression` of ModelOpt 0.47.0, times 16.
 */
export function chargedBits({ weight, input }: PairQuantizers): number {
  return Math.min(...[weight, ...(input === null ? [] : [input])].map(chargeOf));
}

const chargeOf = (quantizer: Quantizer): number =>
  quantizer.effective_bits ?? widthOf(quantizer.num_bits);

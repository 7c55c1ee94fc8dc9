/** An integer width, or [exponent bits, mantissa bits] of a floating-point number with a sign. */
export type Bits = number | readonly [number, number];

export interface BlockSizes {
  /** Numbers along the last axis that share a scale; null: all of them, so a scale for each token. */
  readonly "-1"?: number | null;
  readonly type?: "static" | "dynamic";
  /** How a block's scale is stored; a float when absent. */
  readonly scale_bits?: Bits;
}

/** Attributes of a ModelOpt quantizer, under ModelOpt's own names. */
export interface Quantizer {
  readonly num_bits: Bits;
  /** Of a weight: 0 one scale a row, 1 one a column, null one for the tensor. */
  readonly axis?: number | null;
  readonly block_sizes?: BlockSizes;
  /** Dynamic: ranges are taken from the numbers at hand instead of from calibration. */
  readonly type?: "static" | "dynamic";
  /** What ModelOpt charges instead of the width of a number. */
  readonly effective_bits?: number;
}

/** What a format does with a linear layer; a null input stays in high precision. */
export interface PairQuantizers {
  readonly weight: Quantizer;
  readonly input: Quantizer | null;
}

/** Bits of one number: its width, or sign + exponent + mantissa. */
export const widthOf = (bits: Bits): number =>
  typeof bits === "number" ? bits : 1 + bits[0] + bits[1];

/** `int8`, `fp8`, and which FP4 it is: the number format together with that of its block scales. */
export function numberName({ num_bits: bits, block_sizes: blocks }: Quantizer): string {
  const width = widthOf(bits);
  if (typeof bits === "number") return `int${width}`;
  if (width !== 4) return `fp${width}`;
  const scale = blocks?.scale_bits;
  if (typeof scale !== "object") return "fp4";
  return scale[0] === 8 ? "mxfp4" : "nvfp4";
}

/** Which numbers share a scale: `tensor`, `row`, `column`, `block of 128`, `token`. */
export function scaleGroup({ axis, block_sizes: blocks }: Quantizer): string {
  const block = blocks?.["-1"];
  if (typeof block === "number") return `block of ${block}`;
  if (block === null) return "token";
  if (typeof axis !== "number") return "tensor";
  return axis === 0 ? "row" : axis === 1 ? "column" : `slice along axis ${axis}`;
}

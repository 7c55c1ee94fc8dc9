import { described, whyMislabelled } from "../formats/export-label.ts";
import {
  numberName,
  scaleGroup,
  widthOf,
  type PairQuantizers,
  type Quantizer,
} from "../formats/quantizer.ts";
import type { MatrixShape } from "../formats/storage.ts";
import type { ExportFormat } from "./scheme.ts";

/** How a checkpoint stores the weight of one layer. */
export interface StoredForm {
  /** The columns of a weight must be a multiple of this number. */
  readonly block: number;
  /** The rows of a weight must be a multiple of this number. */
  readonly rows: number;
  /** Size of all tensors of a layer but its bias, in bytes. */
  readonly bytes: (shape: MatrixShape) => number;
}

export type Storable = { readonly form: StoredForm } | { readonly because: string };

/** Bytes of a scale that is a float32, and of one that a server keeps in bfloat16. */
const [FLOAT, HALF] = [4, 2];

/** `weight_shape` of packed integers: two int64. */
const PACKED_SHAPE = 16;

/** Blocks of packed integers that vLLM has kernels for. */
const INTEGER_BLOCKS = [32, 64, 128];

/**
 * How an export format stores a pair, or why it does not. The forms are those that
 * python/aqm_runner/export/forms.py reads back; docs/schemes.md has the formulas.
 */
export function storedForm(quantizers: PairQuantizers, format: ExportFormat): Storable {
  const { weight, input } = quantizers;
  const found =
    isDynamic(weight) || (input !== null && isDynamic(input))
      ? undefined
      : format === "modelopt"
        ? modeloptForm(described(weight), described(input))
        : compressedForm(weight, described(input));
  if (found !== undefined) return { form: found };
  const why =
    format === "modelopt"
      ? (whyMislabelled(quantizers) ?? "ModelOpt's form is not known")
      : `compressed-tensors has no tested form for weights that are ${described(weight)} with activations ${input === null ? "" : "that are "}${described(input)}`;
  return { because: why };
}

/** Whether ranges come from the numbers at hand. NVFP4's blocks are always so; this is about the rest. */
const isDynamic = ({ type }: Quantizer): boolean => type === "dynamic";

const FP8 = "fp8 with a scale a tensor";
const INT8_INPUT = "int8 with a scale a tensor";
const INT8_ROWS = "int8 with a scale a row";
const INT4_BLOCKS = "int4 with a scale a block of 128";
const NVFP4 = "nvfp4 with a scale a block of 16";
const NOT_QUANTIZED = "in high precision";

function modeloptForm(weight: string, input: string): StoredForm | undefined {
  switch (`${weight}, ${input}`) {
    case `${FP8}, ${FP8}`:
      return eightBits({ perRow: 0, once: 2 * FLOAT });
    case `${INT8_ROWS}, ${INT8_INPUT}`:
      return eightBits({ perRow: FLOAT, once: FLOAT });
    case `${INT8_ROWS}, ${NOT_QUANTIZED}`:
      return eightBits({ perRow: FLOAT, once: 0 });
    case `${INT4_BLOCKS}, ${NOT_QUANTIZED}`:
      return pairsOfRows(128);
    case `${NVFP4}, ${NVFP4}`:
      return fp4({ once: 2 * FLOAT });
    case `${NVFP4}, ${NOT_QUANTIZED}`:
      return fp4({ once: FLOAT });
    default:
      return undefined;
  }
}

function compressedForm(weight: Quantizer, input: string): StoredForm | undefined {
  switch (`${described(weight)}, ${input}`) {
    case `${FP8}, ${FP8}`:
      return eightBits({ perRow: 0, once: 2 * FLOAT });
    case `${FP8}, ${NOT_QUANTIZED}`:
      return eightBits({ perRow: 0, once: FLOAT });
    case `${INT8_ROWS}, ${INT8_INPUT}`:
      return eightBits({ perRow: FLOAT, once: FLOAT });
    case `${NVFP4}, ${NVFP4}`:
      return fp4({ once: 2 * FLOAT });
    case `${NVFP4}, ${NOT_QUANTIZED}`:
      return fp4({ once: FLOAT });
    default:
      return input === NOT_QUANTIZED ? packedIntegers(weight) : undefined;
  }
}

/** A byte a weight, scales of `perRow` bytes a row and `once` bytes for the whole. */
const eightBits = (scales: { readonly perRow: number; readonly once: number }): StoredForm => ({
  block: 1,
  rows: 1,
  bytes: ({ rows, columns }) => rows * columns + rows * scales.perRow + scales.once,
});

/** INT4 of ModelOpt: a byte holds the codes of two rows, a float32 scale a block. */
const pairsOfRows = (block: number): StoredForm => ({
  block,
  rows: 2,
  bytes: ({ rows, columns }) => (rows / 2) * columns + FLOAT * rows * (columns / block),
});

/** NVFP4: two codes a byte, an FP8 scale a block of 16, `once` bytes for the whole. */
const fp4 = ({ once }: { readonly once: number }): StoredForm => ({
  block: 16,
  rows: 1,
  bytes: ({ rows, columns }) => (rows * columns) / 2 + (rows * columns) / 16 + once,
});

/** Integers of compressed-tensors in words of 32 bits, row by row; scales of rows or blocks in bfloat16. */
function packedIntegers(weight: Quantizer): StoredForm | undefined {
  const name = numberName(weight);
  const bits = widthOf(weight.num_bits);
  if (name !== "int4" && name !== "int8") return undefined;
  const block = weight.block_sizes?.["-1"];
  const { type, scale_bits: scale } = weight.block_sizes ?? {};
  const inBlocks = typeof block === "number" && type === "static" && scale === undefined;
  if (inBlocks ? !INTEGER_BLOCKS.includes(block) : scaleGroup(weight) !== "row") return undefined;
  return {
    block: inBlocks ? block : 1,
    rows: 1,
    bytes: ({ rows, columns }) => {
      const words = Math.ceil((columns * bits) / 32);
      const scales = inBlocks ? columns / block : 1;
      return rows * words * 4 + rows * scales * HALF + PACKED_SHAPE;
    },
  };
}

/** Why a form does not take a weight of this shape; null where it does. */
export function whyUnfit(
  { block, rows: multiple }: StoredForm,
  { rows, columns }: MatrixShape,
): string | null {
  if (columns % block !== 0) return `blocks of ${block} do not divide its ${columns} columns`;
  if (rows % multiple !== 0) return `its ${rows} rows are not a multiple of ${multiple}`;
  return null;
}

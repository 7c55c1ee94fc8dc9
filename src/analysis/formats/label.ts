import { failed, ok, type Analysed } from "../result/result.ts";
import { pythonFloatRepr } from "../text/float-repr.ts";

/** Name of the candidate that leaves a layer unquantized. */
export const UNQUANTIZED = "NONE";

/** Bits per weight of an unquantized layer: fp16 and bf16 alike. */
export const UNQUANTIZED_BITS = 16;

/**
 * `<name>(effective-bits: <bits>)`, the label ModelOpt gives a candidate; bits
 * are a Python float (`8.0`, `4.5`).
 */
export function formatLabel(name: string, bits: number): string {
  return `${name}(effective-bits: ${pythonFloatRepr(bits)})`;
}

export interface FormatOfLabel {
  readonly name: string;
  readonly bits: number;
}

/** The parts of a label; the name is everything before the bracket. */
export function parseFormatLabel(label: string): Analysed<FormatOfLabel> {
  const parts = /^(.*?)\(effective-bits:\s*(\d[^)]*)\)/.exec(label);
  const bits = Number(parts?.[2] ?? NaN);
  if (Number.isFinite(bits) && bits > 0) return ok({ name: parts?.[1] ?? "", bits });
  return failed(
    "unreadable_format",
    label,
    `The format label "${label}" does not state its effective bits. Expected a form like FP8_DEFAULT_CFG(effective-bits: 8.0).`,
  );
}

export function isUnquantizedLabel(label: string): boolean {
  return label.startsWith(`${UNQUANTIZED}(`);
}

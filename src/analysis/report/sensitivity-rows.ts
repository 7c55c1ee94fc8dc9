import { UNQUANTIZED } from "../formats/label.ts";
import type { LayerSensitivity, Manifest, SensitivityCandidate } from "../manifest/manifest.ts";

/**
 * Whether layers that could only stay unquantized get a row. Published reports
 * before December 2025 left them out.
 */
export type NoneRows = "include" | "skip";

export interface SensitivityRow {
  /** Module path of the group's first member. */
  readonly layer: string;
  /** The quantized candidates, or the unquantized one where it is the only one. */
  readonly candidates: readonly SensitivityCandidate[];
}

/** The rows of a report in module order. */
export function sensitivityRows(
  { layers }: Manifest,
  noneRows: NoneRows,
): readonly SensitivityRow[] {
  return layers.flatMap((layer) => {
    const quantized = layer.candidates.filter(({ format }) => format !== UNQUANTIZED);
    if (quantized.length > 0) return [rowOf(layer, quantized)];
    return noneRows === "include" ? [rowOf(layer, layer.candidates)] : [];
  });
}

function rowOf(
  { name }: LayerSensitivity,
  candidates: readonly SensitivityCandidate[],
): SensitivityRow {
  return { layer: name, candidates };
}

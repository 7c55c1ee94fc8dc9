import { UNQUANTIZED_BITS } from "../formats/label.ts";
import { placeOf } from "../groups/layer-place.ts";
import { weightsOf, type CheckpointTensors } from "../schemes/checkpoint-tensors.ts";
import type { MeasuredScheme } from "./overview.ts";

/** Weights of the layers that ModelOpt can quantize. */
export interface LayerWeights {
  readonly all: number;
  /** Of those that the scheme may quantize. */
  readonly open: number;
}

/**
 * Counts weights by the checkpoint's shapes; null where a weight is not in it, or where the layers that may be
 * quantized cannot be told from the document.
 */
export function layerWeights(
  { scheme: { scope, layers, achieved }, asked }: Pick<MeasuredScheme, "scheme" | "asked">,
  tensors: CheckpointTensors | null,
): LayerWeights | null {
  if (tensors === null) return null;
  const names = new Set(layers.map(({ group }) => group));
  let [all, open, groups] = [0, 0, 0];
  for (const { group, modules } of layers) {
    const found = modules.map((module) => weightsOf(tensors, module));
    if (found.some((own) => own.length === 0)) return null;
    const shapes = found.flatMap((own) => own.map(({ shape }) => shape));
    const weights = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    all += weights;
    const isInScope = scope === "all_layers" || placeOf(group, names).tower === "language";
    const isHead = group === "lm_head" && !asked.lm_head;
    // Convolutions are kept in high precision.
    if (!isInScope || isHead || shapes.some((shape) => shape.length !== 2)) continue;
    open += weights;
    groups += 1;
  }
  return groups === achieved.groups ? { all, open } : null;
}

/** Average bits over all of these layers, those that may not be quantized at 16. */
export const allLayerBits = ({ all, open }: LayerWeights, bits: number): number =>
  ((all - open) * UNQUANTIZED_BITS + open * bits) / all;

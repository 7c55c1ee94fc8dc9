import { UNQUANTIZED_BITS } from "../formats/label.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { BitProblem } from "./problem.ts";

/**
 * The search that a manifest's figures define, so that any budget can be solved
 * from a published manifest alone. A group's weights are its unquantized cost;
 * where no candidate has 16 bits they follow from the dearest one.
 */
export function problemFromManifest({ layers }: Manifest): BitProblem {
  return {
    groups: layers.map(({ handle, candidates }) => ({
      handle,
      weights: Math.max(...candidates.map(({ cost, bits }) => (cost * UNQUANTIZED_BITS) / bits)),
      candidates: candidates.map(({ format, bits, cost, score }) => ({
        format,
        bits,
        cost,
        score,
      })),
    })),
  };
}

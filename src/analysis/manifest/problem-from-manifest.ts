import { weightsOf } from "../groups/layer-group.ts";
import type { Manifest } from "./manifest.ts";
import type { BitProblem } from "../solve/problem.ts";

/**
 * The search that a manifest's figures define, so that any budget can be solved
 * from a published manifest alone. Manifests do not tell weights: they follow
 * from costs (see `weightsOf`).
 */
export function problemFromManifest({ layers }: Manifest): BitProblem {
  return {
    groups: layers.map(({ name, candidates }) => ({
      name,
      weights: weightsOf(candidates),
      candidates: candidates.map(({ format, bits, cost, score }) => ({
        format,
        bits,
        cost,
        score,
      })),
    })),
  };
}

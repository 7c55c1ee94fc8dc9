import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";
import { layerKey, layerName } from "./layer-key.ts";

/** What one layer offers a search otherwise than in the other analysis, apart from scores. */
export interface DecisionDifference {
  readonly layer: string;
  readonly what: "candidates" | "weights";
  readonly a: string;
  readonly b: string;
}

/** Layers of both whose candidate formats, charged bits or weights are not the same, in module order. */
export function decisionDifferences(
  a: BitProblem | null,
  b: BitProblem | null,
): readonly DecisionDifference[] {
  const other = new Map((b?.groups ?? []).map((group) => [layerKey(group.name), group]));
  return (a?.groups ?? []).flatMap((ofA) => {
    const ofB = other.get(layerKey(ofA.name));
    if (ofB === undefined) return [];
    const rows = (["candidates", "weights"] as const).map((what) => ({
      layer: layerName(ofA.name),
      what,
      a: said(ofA, what),
      b: said(ofB, what),
    }));
    return rows.filter((row) => row.a !== row.b);
  });
}

const said = ({ candidates, weights }: ChoiceGroup, what: DecisionDifference["what"]): string =>
  what === "weights"
    ? String(weights)
    : candidates.map(({ format, bits }) => `${format} at ${bits} bits`).join(", ");

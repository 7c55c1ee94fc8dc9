import { UNQUANTIZED } from "../formats/label.ts";
import { layerKey } from "./layer-key.ts";
import type { Subject } from "./subject.ts";

/** How far scores that both have are apart, relative to the larger one, in rising order. */
export function scoreDifferences(a: Subject, b: Subject): readonly number[] {
  const [ofA, ofB] = [scoresIn(a), scoresIn(b)];
  return [...ofA]
    .flatMap(([name, score]) => {
      const match = ofB.get(name);
      return match === undefined ? [] : [relativeDifference(score, match)];
    })
    .sort((x, y) => x - y);
}

/** Of each candidate of each layer, where the document has them; the worst of a layer comes with it. */
function scoresIn({ layers, problem }: Subject): ReadonlyMap<string, number> {
  const worst = layers.map(({ layer, score }) => [layerKey(layer), score] as const);
  const each = (problem?.groups ?? []).flatMap(({ name, candidates }) =>
    candidates.flatMap(({ format, score }) =>
      format === UNQUANTIZED ? [] : [[`${layerKey(name)} ${format}`, score] as const],
    ),
  );
  return new Map(each.length === 0 ? worst : each);
}

/** Of the larger one; 0 where both are 0. */
const relativeDifference = (a: number, b: number): number =>
  a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));

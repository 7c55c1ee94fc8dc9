import { formatLabel } from "../formats/label.ts";
import { pyFloat, pyObject, type PyJson, type PyObject } from "../python-json/value.ts";
import type { QuantizedModule } from "../scores/scores.ts";
import type { ChoiceGroup } from "../solve/problem.ts";
import { handleOf } from "../scores/handle.ts";
import { rankBySensitivity, type RankedLayer } from "./rank.ts";

/** `layers`: every quantized wrapper, with any format. */
export function layersObject(modules: readonly QuantizedModule[]): PyObject {
  return pyObject(
    modules.map(({ name, type }) => [
      name,
      pyObject([
        ["quantized", true],
        ["module_type", type],
      ]),
    ]),
  );
}

/** `layer_sensitivity` and `sensitivity_ranking`, which have to agree. */
export function sensitivitySections(groups: readonly ChoiceGroup[]): {
  readonly layerSensitivity: PyObject;
  readonly ranking: PyJson;
} {
  const importance = groups.map(({ name, candidates }) => ({
    name: handleOf(name),
    importance: Math.max(...candidates.map(({ score }) => score)),
  }));
  const ranking = rankBySensitivity(importance);
  const ranks = new Map(ranking.map(({ name }, index) => [name, index + 1]));
  return {
    layerSensitivity: pyObject(
      groups.map((group, g) => [
        handleOf(group.name),
        entryOf(group, importance[g]?.importance ?? 0, ranks.get(handleOf(group.name)) ?? 0),
      ]),
    ),
    ranking: ranking.map(rankingItem),
  };
}

function entryOf({ candidates }: ChoiceGroup, importance: number, rank: number): PyObject {
  return pyObject([
    ["formats", candidates.map(({ format, bits }) => formatLabel(format, bits))],
    ["scores", candidates.map(({ score }) => pyFloat(score))],
    ["costs", candidates.map(({ cost }) => pyFloat(cost))],
    ["importance", pyFloat(importance)],
    ["rank", rank],
  ]);
}

function rankingItem({ name, importance }: RankedLayer): PyObject {
  return pyObject([
    ["name", name],
    ["importance", pyFloat(importance)],
  ]);
}

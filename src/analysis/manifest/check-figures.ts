import { weightCost } from "../formats/cost.ts";
import { UNQUANTIZED } from "../formats/label.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import { isPyList, isPyObject, numericValue, type PyObject } from "../python-json/value.ts";
import { problemFromManifest } from "./problem-from-manifest.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import { handleOf } from "../scores/handle.ts";
import type { LayerSensitivity, Manifest } from "./manifest.ts";
import { rankBySensitivity } from "./rank.ts";

/** How far a recorded total may be from the one that the layers give: other solvers add up otherwise. */
const SCORE_TOLERANCE = 1e-6;
const BITS_TOLERANCE = 1e-9;

/**
 * Whether the figures of a manifest follow from each other: costs from weights and bits, importance and
 * rank from scores, and the recorded search from all layers. What was cut short, edited or put
 * together from two files fails here.
 */
export function checkFigures(manifest: Manifest): Analysed<Manifest> {
  const wrong = wrongCount(manifest) ?? wrongLayer(manifest) ?? wrongRanking(manifest);
  if (wrong !== undefined) return disagree(...wrong);
  const solved = solveBitPlan(problemFromManifest(manifest), manifest.budgetBits);
  if (!solved.ok) return solved;
  const { search } = manifest;
  const { score, satisfied, bits } = solved.value;
  if (
    satisfied !== search.satisfied ||
    !close(bits.achieved, search.effectiveBits, BITS_TOLERANCE)
  ) {
    return disagree(
      "autoquant_state",
      `records ${search.effectiveBits} achieved bits (${search.satisfied ? "" : "not "}within the budget) where its layers give ${bits.achieved}`,
    );
  }
  if (!close(score, search.score, SCORE_TOLERANCE)) {
    return disagree(
      "autoquant_state.score",
      `records a total score of ${search.score} where its layers give ${score}`,
    );
  }
  return ok(manifest);
}

type Wrong = readonly [where: string, what: string];

function wrongCount({ json }: Manifest): Wrong | undefined {
  const wrappers = json.get("layers");
  const count = numericValue(json.get("num_quantized_layers"));
  if (!isPyObject(wrappers) || count === undefined || count === wrappers.size) return undefined;
  return ["num_quantized_layers", `says ${count} where ${wrappers.size} layers are listed`];
}

function wrongLayer({ layers }: Manifest): Wrong | undefined {
  for (const { name, candidates } of layers) {
    const none = candidates.find(({ format }) => format === UNQUANTIZED);
    if (none === undefined) return [name, "has no candidate that leaves it unquantized"];
    if (none.score !== 0) return [name, `scores ${none.score} although it stays unquantized`];
    const odd = candidates.find(
      ({ cost, bits }) => !close(cost, weightCost(none.cost, bits), 1e-9),
    );
    if (odd !== undefined) {
      return [name, `costs ${odd.cost} as ${odd.format}, which are not ${odd.bits} bits a weight`];
    }
  }
  return undefined;
}

/** Only where the manifest has a ranking: the oldest ones do not. */
function wrongRanking({ json, layers }: Manifest): Wrong | undefined {
  const listed = json.get("sensitivity_ranking");
  if (listed === undefined) return undefined;
  const ranking = rankBySensitivity(
    layers.map((layer) => ({ name: handleOf(layer.name), importance: importanceOf(layer) })),
  );
  const items = isPyList(listed) ? listed : [];
  if (items.length !== ranking.length) {
    return ["sensitivity_ranking", `ranks ${items.length} layers of ${ranking.length}`];
  }
  const entries = json.get("layer_sensitivity");
  for (const [index, { name, importance }] of ranking.entries()) {
    const item = items[index];
    const fields: PyObject = isPyObject(item) ? item : new Map();
    if (fields.get("name") !== name || numericValue(fields.get("importance")) !== importance) {
      return [
        `sensitivity_ranking[${index}]`,
        `is not ${name} with ${importance}, as its scores say`,
      ];
    }
    const entry = isPyObject(entries) ? entries.get(name) : undefined;
    const rank = isPyObject(entry) ? numericValue(entry.get("rank")) : undefined;
    if (rank !== undefined && rank !== index + 1) {
      return [name, `has the rank ${rank} where its score has ${index + 1}`];
    }
  }
  return undefined;
}

const importanceOf = ({ candidates }: LayerSensitivity): number =>
  Math.max(...candidates.map(({ score }) => score));

const close = (a: number, b: number, tolerance: number): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));

const disagree = (where: string, what: string): ReturnType<typeof failed> =>
  failed(
    "figures_disagree",
    where,
    `${where} ${what}. The file was cut short, edited or mixed up: get the original again.`,
  );

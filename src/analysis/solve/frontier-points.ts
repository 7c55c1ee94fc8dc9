import { effectiveBits } from "../formats/cost.ts";
import type { ChoiceGroup } from "./problem.ts";

/** One plan of a frontier: no other plan has a lower score for as many bits. */
export interface FrontierPoint {
  /** Average bits per weight over all groups. */
  readonly bits: number;
  /** Summed cost, in fp16-equivalent weight elements: twice this is bytes. */
  readonly cost: number;
  /** Summed score. */
  readonly score: number;
  /** On the lower hull: no mix of two other plans beats it. */
  readonly corner: boolean;
  /** `[group, candidate]` where the choice is another one than at the point before, by rising group. */
  readonly changes: readonly (readonly [group: number, candidate: number])[];
}

/** Scores that differ by less than this part are one: sums depend on their order by some 2^-50. */
const SAME_SCORE = 1 - 2 ** -45;

/**
 * Makes the points of a frontier from plans by rising cost, a block of them at a time. Scores are added up in
 * group order, as manifests have them; a plan whose score is not below that of the point before is left out.
 */
export class FrontierPoints {
  readonly points: FrontierPoint[] = [];
  readonly #weights: number;
  /** Of the candidates of all groups, one group after the other: there may be many plans. */
  readonly #costs: Float64Array;
  readonly #scores: Float64Array;
  readonly #offsets: Int32Array;
  /** What the point before chose. */
  readonly #before: Int32Array;
  #below = Infinity;

  /** @param start candidate index per group of the first plan */
  constructor(groups: readonly ChoiceGroup[], start: readonly number[]) {
    this.#weights = groups.reduce((sum, group) => sum + group.weights, 0);
    this.#offsets = new Int32Array(groups.length);
    for (let g = 1; g < groups.length; g += 1) {
      this.#offsets[g] = (this.#offsets[g - 1] ?? 0) + (groups[g - 1]?.candidates.length ?? 0);
    }
    const candidates = groups.flatMap((group) => group.candidates);
    this.#costs = Float64Array.from(candidates, ({ cost }) => cost);
    this.#scores = Float64Array.from(candidates, ({ score }) => score);
    this.#before = Int32Array.from(start);
  }

  /**
   * @param choices candidate indices: a row of `count` plans for each group
   * @param costOf the sum of a plan's costs where that is exact; else they are added up in group order
   */
  add(
    choices: Int32Array,
    count: number,
    isCorner: (plan: number) => boolean,
    costOf?: (plan: number) => number,
  ): void {
    const scores = new Float64Array(count);
    const changed: number[] = [];
    this.#offsets.forEach((offset, group) => {
      const last = this.#before[group] ?? 0;
      addRow(this.#scores, offset, choices, group * count, scores, last, changed);
    });
    const costs = costOf ?? this.#added(choices, count);
    let from = -1;
    const changes = changesOf(choices, count, changed);
    for (let plan = 0; plan < count; plan += 1) {
      const score = scores[plan] ?? 0;
      if (!(score < this.#below)) continue;
      this.#below = score * SAME_SCORE;
      const cost = costs(plan);
      const bits = effectiveBits(cost, this.#weights);
      let own = changes[plan] ?? [];
      if (from === plan - 1) for (const [group, candidate] of own) this.#before[group] = candidate;
      else own = takeChanges(this.#before, (group) => choices[group * count + plan] ?? 0);
      this.points.push({ bits, cost, score, corner: isCorner(plan), changes: own });
      from = plan;
    }
  }

  #added(choices: Int32Array, count: number): (plan: number) => number {
    return (plan) => {
      let cost = 0;
      for (const [group, offset] of this.#offsets.entries())
        cost += this.#costs[offset + (choices[group * count + plan] ?? 0)] ?? 0;
      return cost;
    };
  }
}

/** What is chosen otherwise than `before`, which takes it over; where plans in between are left out. */
export function takeChanges(
  before: Int32Array,
  choiceOf: (group: number) => number,
): FrontierPoint["changes"] {
  const changes: (readonly [number, number])[] = [];
  for (let group = 0; group < before.length; group += 1) {
    const candidate = choiceOf(group);
    if (candidate === before[group]) continue;
    changes.push([group, candidate]);
    before[group] = candidate;
  }
  return changes;
}

/** Adds what each plan's choice in a group scores; notes where it is another than in the plan before. */
function addRow(
  amounts: Float64Array,
  offset: number,
  choices: Int32Array,
  row: number,
  sums: Float64Array,
  before: number,
  changed: number[],
): void {
  let last = before;
  for (let plan = 0; plan < sums.length; plan += 1) {
    const candidate = choices[row + plan] ?? 0;
    sums[plan] = (sums[plan] ?? 0) + (amounts[offset + candidate] ?? 0);
    if (candidate === last) continue;
    changed.push(row + plan);
    last = candidate;
  }
}

/** By plan, from where choices change, which is by group. */
function changesOf(
  choices: Int32Array,
  count: number,
  changed: readonly number[],
): readonly FrontierPoint["changes"][] {
  const changes = Array.from({ length: count }, (): (readonly [number, number])[] => []);
  for (const at of changed) {
    const plan = at % count;
    changes[plan]?.push([(at - plan) / count, choices[at] ?? 0]);
  }
  return changes;
}

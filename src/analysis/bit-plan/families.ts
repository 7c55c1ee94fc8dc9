import { weightCost } from "../formats/cost.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import { choicesOfAll, solveFrontier, type Frontier } from "../solve/frontier.ts";
import { FrontierPoints } from "../solve/frontier-points.ts";
import { meansGroup } from "../groups/layer-pattern.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";

/** Layers with a budget of their own, beside the one of the whole. */
export interface FamilyBudget {
  /** For messages. */
  readonly name: string;
  /** Patterns of layer names; see `meansGroup`. No layer may be in two families. */
  readonly layers: readonly string[];
  /** Average bits per weight, over all weights of the family. */
  readonly bits: number;
}

/** Positions of groups in the problem, and the budget if they have one. */
interface Part {
  readonly family: FamilyBudget | undefined;
  readonly members: readonly number[];
}

/**
 * The frontier of those plans that keep every family within its budget: exact, and always complete.
 *
 * Each family's own frontier, cut off at its budget, is put in the place of its layers, as one group whose
 * candidates are the frontier's points. No plan of the whole frontier can hold anything else.
 */
export function solveFamilies(
  problem: BitProblem,
  families: readonly FamilyBudget[],
): Analysed<Frontier> {
  if (families.length === 0) return solveFrontier(problem);
  const parts = partsOf(problem, families);
  if (!parts.ok) return parts;
  const solved: {
    readonly members: readonly number[];
    readonly plans: readonly (readonly number[])[];
  }[] = [];
  const compound: ChoiceGroup[] = [];
  for (const { family, members } of parts.value) {
    const own = pick(problem, members);
    const frontier = solveFrontier({ groups: own });
    if (!frontier.ok) return frontier;
    const { points, given } = frontier.value;
    if (given !== "all") return tooMany(family?.name ?? "the other layers");
    const weights = own.reduce((sum, group) => sum + group.weights, 0);
    const limit = family === undefined ? Infinity : weightCost(weights, family.bits) * (1 + 1e-12);
    const within = points.filter(({ cost }) => cost <= limit);
    if (family !== undefined && within.length === 0) {
      return familyUnmet(family, points[0]?.bits ?? 0, members.length);
    }
    const name = family?.name ?? "the other layers";
    solved.push({ members, plans: choicesOfAll(frontier.value) });
    compound.push({
      name,
      weights,
      candidates: within.map(({ bits, cost, score }) => ({ format: name, bits, cost, score })),
    });
  }
  const whole = solveFrontier({ groups: compound });
  if (!whole.ok) return whole;
  if (whole.value.given !== "all") return tooMany("the families together");
  const plans = choicesOfAll(whole.value).map((chosen) => {
    const choices: number[] = problem.groups.map(() => 0);
    for (const [part, { members, plans: own }] of solved.entries()) {
      for (const [m, group] of members.entries()) {
        choices[group] = own[chosen[part] ?? 0]?.[m] ?? 0;
      }
    }
    return choices;
  });
  const start = plans[0] ?? [];
  const made = new FrontierPoints(problem.groups, start);
  for (const [position, { corner }] of whole.value.points.entries()) {
    made.add(Int32Array.from(plans[position] ?? []), 1, () => corner);
  }
  return ok({ groups: problem.groups, start, points: made.points, given: "all" });
}

function partsOf(
  problem: BitProblem,
  families: readonly FamilyBudget[],
): Analysed<readonly Part[]> {
  const owners = new Map<number, FamilyBudget>();
  const parts: Part[] = [];
  const names = new Set<string>();
  for (const family of families) {
    if (names.has(family.name)) {
      const what = `Two families are called ${family.name}`;
      return failed("constraint_unmet", family.name, `${what}. Give each a name of its own.`);
    }
    names.add(family.name);
    const idle = family.layers.find(
      (pattern) => !problem.groups.some((group) => meansGroup(pattern, group)),
    );
    if (idle !== undefined) {
      const what = `The family ${family.name} means no layer by ${idle}`;
      const next = "Compare it with the layer names of the scores.";
      return failed("constraint_unmet", family.name, `${what}. ${next}`);
    }
    const members: number[] = [];
    for (const [index, group] of problem.groups.entries()) {
      if (!family.layers.some((pattern) => meansGroup(pattern, group))) continue;
      const other = owners.get(index);
      if (other !== undefined) {
        const what = `The families ${other.name} and ${family.name} both have ${group.name}`;
        return failed("constraint_unmet", family.name, `${what}. Give every layer to one family.`);
      }
      owners.set(index, family);
      members.push(index);
    }
    parts.push({ family, members });
  }
  const rest = problem.groups.flatMap((_, index) => (owners.has(index) ? [] : [index]));
  if (rest.length > 0) parts.push({ family: undefined, members: rest });
  return ok(parts);
}

function pick({ groups }: BitProblem, members: readonly number[]): readonly ChoiceGroup[] {
  return members.flatMap((index) => groups[index] ?? []);
}

function familyUnmet(
  { name, bits, layers }: FamilyBudget,
  least: number,
  groups: number,
): ReturnType<typeof failed> {
  return failed(
    "constraint_unmet",
    name,
    `The family ${name} (${layers.join(", ")}: ${groups} layer groups) cannot have ${bits} bits: with the candidates and rules given it needs ${least}. Allow it that, or a smaller format.`,
  );
}

const tooMany = (what: string): ReturnType<typeof failed> =>
  failed(
    "search_too_large",
    what,
    `There are too many plans of ${what} for family budgets to be solved exactly. Use fewer candidate formats, or force the families' formats by rules.`,
  );

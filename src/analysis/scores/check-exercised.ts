import { failed, ok, type Analysed } from "../result/result.ts";
import type { ScoreGroup, Scores } from "./scores.ts";

/**
 * Refuses scores of layers that the data never reached.
 *
 * A score of zero means "not measured" as often as "robust": text-only data
 * leaves a whole vision tower at zero, and a search would then give it the
 * fewest bits for free. So every enabled group must have run at least once, and
 * no whole family of layers (names that differ only in their numbers) may be
 * at zero. A single layer of a family may be: its neighbours show that the data
 * got there.
 */
export function checkExercised(scores: Scores): Analysed<Scores> {
  const enabled = scores.groups.filter((group) => group.enabled);
  const idle = enabled.find((group) => group.executions === 0);
  if (idle !== undefined) {
    return failed(
      "not_exercised",
      idle.name,
      `${idle.name} did not run while scores were measured. Use data that reaches it, or leave it out of the scope.`,
    );
  }
  for (const [family, members] of byFamily(enabled)) {
    if (members.every((group) => group.score === 0)) {
      return failed(
        "not_exercised",
        family,
        `All ${members.length} layers of ${family} score zero: they were not exercised, which is not the same as robust. Use data that reaches them, or leave them out of the scope.`,
      );
    }
  }
  return ok(scores);
}

function byFamily(groups: readonly ScoreGroup[]): ReadonlyMap<string, readonly ScoreGroup[]> {
  const families = new Map<string, ScoreGroup[]>();
  for (const group of groups) {
    const family = group.name.replace(/\d+/g, "*");
    const members = families.get(family);
    if (members === undefined) families.set(family, [group]);
    else members.push(group);
  }
  return families;
}

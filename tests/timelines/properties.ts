import type { Plan } from "../../src/plan/plan.ts";
import { consistent, correct, truthful } from "./outputs.ts";
import type { Built, Judges } from "./play.ts";
import { asPlanned, caused, cutOff, explained, minimal, samePlan, settled } from "./work.ts";
import { wordsKept } from "./words.ts";

/** The properties of docs/design.md that timelines prove, and two more. */
export const PROPERTIES = {
  P1: "correct: equals a clean build",
  P2: "minimal: nothing runs in vain, and nothing at all the second time",
  P3: "early cutoff: the same content makes nobody run",
  P4: "plan = execution, and planning changes nothing",
  P5: "sound causes: whatever is not fresh has one",
  P6: "clone-fresh: a clone of what is fresh is fresh",
  P8: "no mixing: a record tells of one run, and of what its producers have",
  P12: "mutation guard: what changed while it was read is not recorded",
  words: "nothing that a person wrote in a document with regions is lost",
  snapshot: "a snapshot says fresh only when the long way does",
  end: "failures have a reason and an exit code; nothing is left behind",
} as const;

export type Property = keyof typeof PROPERTIES;

/** How often each property was put to the test; cases in which it says nothing do not count. */
export type Tally = Map<Property, number>;

type Check = (built: Built, count: () => void) => readonly string[];

const CHECKS: readonly (readonly [Property, Check])[] = [
  ["P1", correct],
  ["P8", truthful],
  ["P12", (built, count) => (built.meddled ? truthful(built, count) : [])],
  ["P8", consistent],
  ["P2", minimal],
  ["P3", cutOff],
  ["P4", asPlanned],
  ["P5", caused],
  ["words", wordsKept],
  ["end", explained],
  ["end", ({ world }) => world.litter().map((path) => `${path} was left behind`)],
];

export function judges(tally: Tally): Judges {
  const counting = (property: Property) => (): void =>
    void tally.set(property, (tally.get(property) ?? 0) + 1);
  const named = (property: Property, problems: readonly string[]): readonly string[] =>
    problems.map((problem) => `${property}: ${problem}`);
  return {
    built: (built) =>
      CHECKS.flatMap(([property, check]) => named(property, check(built, counting(property)))),
    again: (built) => named("P2", settled(built, counting("P2"))),
    planned: ({ expected, plan, changed }) => {
      counting("P4")();
      const problems = changed ? ["a dry run changed the workspace"] : [];
      return named("P4", [...problems, ...samePlan(expected, plan)]);
    },
    answered: (fresh, expected) => {
      counting("snapshot")();
      const problems = fresh === expected.actions.length ? [] : [`it says ${fresh} fresh`];
      return named("snapshot", [...problems, ...stale(expected)]);
    },
    cloned: (before, after) => {
      if (stale(before).length > 0) return [];
      counting("P6")();
      return named("P6", stale(after));
    },
  };
}

const stale = ({ actions }: Plan): readonly string[] =>
  actions.flatMap(({ node, verdict, causes }) =>
    verdict === "fresh" ? [] : [`${node.id} is ${verdict}: ${JSON.stringify(causes)}`],
  );

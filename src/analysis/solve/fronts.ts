import type { Front, Step } from "./front.ts";

/** Writes into `plan` the choices that led to a position in the last front; other groups stay as they are. */
export function readPlan(
  steps: readonly Step[],
  fronts: readonly Front[],
  position: number,
  plan: number[],
): void {
  let at = position;
  for (let s = steps.length - 1; s >= 0; s -= 1) {
    const step = steps[s];
    const front = fronts[s + 1];
    const move = step?.moves[front?.moves[at] ?? 0];
    if (step === undefined || front === undefined || move === undefined) continue;
    plan[step.group] = move.index;
    at = front.parents[at] ?? 0;
  }
}

/** Per step, the least relative cost that the steps from there on can have. */
export function cheapestAfter(steps: readonly Step[]): readonly number[] {
  const sums = [0];
  for (const { moves } of steps.toReversed()) {
    sums.push((sums.at(-1) ?? 0) + Math.min(...moves.map((move) => move.cost)));
  }
  return sums.reverse();
}

/** Whether the first of two plans of equal cost and score is preferred: lexicographic by group. */
export function comesFirst(
  steps: readonly Step[],
  fronts: readonly Front[],
  lastStep: number,
  [parentA, moveA]: readonly [number, number],
  [parentB, moveB]: readonly [number, number],
): boolean {
  let group = Infinity;
  let first = false;
  let [a, b, a1, b1] = [parentA, parentB, moveA, moveB];
  for (let s = lastStep; s >= 0; s -= 1) {
    const step = steps[s];
    if (step !== undefined && a1 !== b1 && step.group < group) {
      group = step.group;
      first = (step.moves[a1]?.index ?? 0) < (step.moves[b1]?.index ?? 0);
    }
    if (a === b) break;
    const front = fronts[s];
    a1 = front?.moves[a] ?? 0;
    b1 = front?.moves[b] ?? 0;
    a = front?.parents[a] ?? 0;
    b = front?.parents[b] ?? 0;
  }
  return first;
}

import type { Cause } from "../model/verdict.ts";

/** An action that cannot run, and why. */
export interface Held {
  readonly target: string;
  readonly causes: readonly Cause[];
}

/** One thing that is wrong, with everything that waits for it. */
export interface RootCause {
  /** Equal for what is one mistake. */
  readonly name: string;
  readonly cause: Cause;
  /** Targets that wait, directly or behind others, in the order given. At least one. */
  readonly targets: readonly string[];
}

/**
 * What holds actions up, each thing once, in the order in which it is met. A cause `blocked_by` an action that is
 * held too is no root: what holds that action is. One whose producer is not held stands for a producer that failed.
 *
 * @param held producers before their consumers
 */
export function rootCauses(held: readonly Held[]): readonly RootCause[] {
  const targets = new Map(held.map(({ target, causes }) => [target, causes]));
  const roots = new Map<string, { name: string; cause: Cause; targets: string[] }>();
  const rootsOf = new Map<string, ReadonlySet<string>>();
  for (const { target, causes } of held) {
    const own = new Set<string>();
    for (const cause of causes) {
      if (cause.kind === "held") continue;
      if (cause.kind === "blocked_by" && targets.has(cause.producer)) {
        for (const root of rootsOf.get(cause.producer) ?? []) own.add(root);
        continue;
      }
      const name = nameOf(cause);
      if (!roots.has(name)) roots.set(name, { name, cause, targets: [] });
      own.add(name);
    }
    rootsOf.set(target, own);
    for (const name of own) roots.get(name)?.targets.push(target);
  }
  return [...roots.values()];
}

/** Causes of one name are one mistake: the advice on a missing file may differ between its readers. */
function nameOf(cause: Cause): string {
  switch (cause.kind) {
    case "input_missing":
    case "input_unreadable":
      return `${cause.kind} ${cause.path}`;
    case "input_unfit":
      return `${cause.kind} ${cause.path} ${cause.problem}`;
    default:
      return JSON.stringify(cause);
  }
}

/** A running job, as a live view shows it: an action, or a batch. */
export interface RunningAction {
  readonly target: string;
  /** The actions of the job that have not ended. */
  readonly targets: readonly string[];
  /** How many actions the job has, and how many of them are over. */
  readonly members: number;
  readonly ended: number;
  readonly op: string;
  readonly lane: "cpu" | "gpu";
  readonly devices: readonly string[];
  readonly startedAt: number;
  /** When the op's own work began: a recorded time has no part of the start of Python and its imports. */
  readonly workingSince: number | null;
  readonly expectedSeconds: number | null;
  readonly phase: Phase | null;
}

export interface Phase {
  readonly name: string;
  readonly total: number | null;
  readonly done: number;
  readonly startedAt: number;
}

/** The phase in which a runner loads an op's libraries, before the op's time begins: docs/runner-protocol.md. */
export const IMPORT_PHASE = "import";

/** Seconds left of an action: from its phase's pace, else from its estimate; null when unknown or overdue. */
export function secondsLeft(action: RunningAction, now: number): number | null {
  const { phase } = action;
  if (phase?.total && phase.done > 0 && phase.done < phase.total)
    return (((now - phase.startedAt) / 1000) * (phase.total - phase.done)) / phase.done;
  const left = secondsAhead(action, now);
  return left !== null && left > 0 ? left : null;
}

/** Whether an action takes longer than its estimate, and its pace tells no more. */
export const isOverdue = (action: RunningAction, now: number): boolean =>
  secondsLeft(action, now) === null && (secondsAhead(action, now) ?? 0) < 0;

/** What the estimate leaves; negative when the action is overdue. */
function secondsAhead(
  { expectedSeconds, workingSince }: RunningAction,
  now: number,
): number | null {
  if (expectedSeconds === null) return null;
  return expectedSeconds - (workingSince === null ? 0 : (now - workingSince) / 1000);
}

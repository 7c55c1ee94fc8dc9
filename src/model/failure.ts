/**
 * Everything that can go wrong, as values. The set of reasons is closed: a new way to fail gets a
 * name here, an exit code below, and a line in the documentation.
 */
export type FailureReason =
  // the command line and the Aqmfile
  | "usage"
  | "unknown_target"
  | "skipped_target"
  | "no_aqmfile"
  | "aqmfile_syntax"
  | "aqmfile_failed"
  | "invalid_declaration"
  | "unknown_name"
  | "duplicate_output"
  | "overlapping_output"
  | "cycle"
  | "config_invalid"
  // inputs
  | "input_missing"
  | "input_unreadable"
  | "input_changed"
  // one action
  | "op_failed"
  | "gate_failed"
  | "bad_request"
  | "unsupported_here"
  | "out_of_memory"
  | "device_lost"
  | "runner_died"
  | "runner_protocol"
  | "environment_failed"
  // jobs on a cluster
  | "submit_refused"
  | "job_lost"
  | "job_ended"
  | "time_limit"
  /** Not over: it goes on elsewhere, and a later build takes its result. */
  | "submitted"
  | "output_missing"
  | "output_invalid"
  | "output_elsewhere"
  | "region_edited"
  | "region_damaged"
  | "cancelled"
  // the whole build
  | "over_budget"
  // the workspace
  | "disk_full"
  | "not_writable"
  | "lock_held"
  | "git_failed"
  | "state_damaged";

export interface SourcePlace {
  /** Workspace-relative path where there is one. */
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** For a place in a rule: the line of the Aqmfile that called the rule. */
  readonly from?: SourcePlace;
}

export interface Failure {
  readonly reason: FailureReason;
  /** One sentence: what is wrong. */
  readonly message: string;
  readonly target?: string;
  readonly place?: SourcePlace;
  /** How many further failures are the same mistake at the same place, for instance in other cells of a grid. */
  readonly alike?: number;
  /** The underlying error, in the words of its source. */
  readonly cause?: string;
  /** What the user can do now. */
  readonly nextStep?: string;
  /** Where the whole story is: a log file, workspace-relative. */
  readonly log?: string;
}

export const EXIT = {
  done: 0,
  actionFailed: 1,
  usage: 2,
  staleCheap: 10,
  staleGpu: 11,
  inputsMissing: 12,
  overBudget: 13,
  /** Jobs go on elsewhere; nothing else is left to do. */
  submitted: 14,
  interrupted: 130,
  /** The reader of the output is gone. */
  closedPipe: 141,
} as const;

/** The exit code that the abort asked for; by default that of Ctrl-C. */
export const interruptionCode = ({ reason }: AbortSignal): number =>
  typeof reason === "number" ? reason : EXIT.interrupted;

const USAGE_REASONS: ReadonlySet<FailureReason> = new Set<FailureReason>([
  "usage",
  "unknown_target",
  "skipped_target",
  "no_aqmfile",
  "aqmfile_syntax",
  "aqmfile_failed",
  "invalid_declaration",
  "unknown_name",
  "duplicate_output",
  "overlapping_output",
  "cycle",
  "config_invalid",
]);

export function exitCodeOf(failure: Failure): number {
  if (failure.reason === "cancelled") return EXIT.interrupted;
  if (failure.reason === "over_budget") return EXIT.overBudget;
  if (failure.reason === "submitted") return EXIT.submitted;
  return USAGE_REASONS.has(failure.reason) ? EXIT.usage : EXIT.actionFailed;
}

/**
 * Every mistake once: of failures with the same reason, place and next step the first one stays, and counts the
 * others. A failure without a line stays as it is.
 */
export function onceEach(failures: readonly Failure[]): readonly Failure[] {
  const first = new Map<string, { readonly failure: Failure; alike: number }>();
  failures.forEach((failure, position) => {
    const { reason, place, nextStep } = failure;
    const located = place?.line !== undefined;
    const mistake = located ? JSON.stringify([reason, place, nextStep]) : String(position);
    const same = first.get(mistake);
    if (same === undefined) first.set(mistake, { failure, alike: 0 });
    else same.alike += 1;
  });
  return [...first.values()].map(({ failure, alike }) =>
    alike === 0 ? failure : { ...failure, alike },
  );
}

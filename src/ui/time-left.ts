import type { BuildEvent, Prediction } from "../model/event.ts";
import { durationRange, durationText } from "./format.ts";
import { secondsLeft, type RunningAction } from "./running-action.ts";

type Planned = Extract<BuildEvent, { type: "planned" }>["actions"];

/** Seconds until all is done, from and to; or how long the build takes beyond the time that was predicted. */
export type TimeLeft =
  | {
      readonly kind: "left";
      readonly seconds: readonly [number, number];
      /** Actions without an estimate, which come on top. */
      readonly untimed: number;
    }
  | {
      readonly kind: "over";
      readonly seconds: number;
      readonly predicted: readonly [number, number];
    };

interface Sum {
  /** Of actions that run for sure. */
  sure: number;
  /** Of those that may turn out to be fresh as well. */
  all: number;
}

/**
 * How much of a plan's prediction is left. The predicted wall time shrinks with the work that is left: the seconds
 * that actions take alone, of those that have not ended, and of a running action what its row says. The lower end
 * counts what runs for sure, the upper end all that may run, as the prediction does.
 */
export class TimeLeftFold {
  readonly #prediction: Prediction | null;
  readonly #plannedAt: number;
  readonly #open = new Map<string, { readonly seconds: number; readonly sure: boolean }>();
  readonly #untimed = new Set<string>();
  readonly #whole: Sum = { sure: 0, all: 0 };
  readonly #left: Sum = { sure: 0, all: 0 };

  constructor(actions: Planned, prediction: Prediction | null, now: number) {
    this.#prediction = prediction;
    this.#plannedAt = now;
    for (const { target, verdict, seconds } of actions) {
      if (verdict !== "run" && verdict !== "unknown") continue;
      if (seconds === null) this.#untimed.add(target);
      else this.#add({ seconds, sure: verdict === "run" }, target);
    }
    Object.assign(this.#whole, this.#left);
  }

  /** The action ran, was fresh, failed, or cannot run. */
  end(target: string): void {
    this.#untimed.delete(target);
    const work = this.#open.get(target);
    if (work === undefined) return;
    this.#open.delete(target);
    this.#left.all -= work.seconds;
    if (work.sure) this.#left.sure -= work.seconds;
  }

  /** Null where the plan has no prediction. */
  at(now: number, running: Iterable<RunningAction>): TimeLeft | null {
    if (this.#prediction === null) return null;
    const predicted = this.#prediction.seconds;
    const untimed = this.#untimed.size;
    // A prediction of no time at all says nothing that a build could be over.
    if (predicted === null || predicted[1] === 0) return { kind: "left", seconds: [0, 0], untimed };
    const left = { ...this.#left };
    let longest = 0;
    for (const row of running) {
      if (row.expectedSeconds === null) continue;
      const rest = secondsLeft(row, now) ?? 0;
      longest = Math.max(longest, rest);
      const share = row.expectedSeconds === 0 ? 0 : rest / row.expectedSeconds;
      for (const target of row.targets) {
        const work = this.#open.get(target);
        if (work === undefined) continue;
        left.all += (share - 1) * work.seconds;
        if (work.sure) left.sure += (share - 1) * work.seconds;
      }
    }
    const part = (of: keyof Sum): number =>
      this.#whole[of] === 0 ? 0 : Math.max(0, left[of]) / this.#whole[of];
    const low = Math.max(longest, predicted[0] * part("sure"));
    const high = Math.max(low, predicted[1] * part("all"));
    if (high > 0.05) return { kind: "left", seconds: [low, high], untimed };
    // All that is left is overdue, or was never timed: the upper end of the prediction still stands.
    const over = (now - this.#plannedAt) / 1000 - predicted[1];
    return over <= 0
      ? { kind: "left", seconds: [0, -over], untimed }
      : { kind: "over", seconds: over, predicted };
  }

  #add(work: { readonly seconds: number; readonly sure: boolean }, target: string): void {
    this.#open.set(target, work);
    this.#left.all += work.seconds;
    if (work.sure) this.#left.sure += work.seconds;
  }
}

/** `1–4 min left`, `1–4 min left, 3 never timed`, `12 s over the predicted 20–40 s`. */
export function timeLeftText(left: TimeLeft): string {
  if (left.kind === "over")
    return `${durationText(left.seconds)} over the predicted ${durationRange(left.predicted)}`;
  const untimed = left.untimed > 0 ? `${left.untimed} never timed` : "";
  const time = left.seconds[1] > 0 ? `${durationRange(left.seconds)} left` : "";
  return [time, untimed].filter(Boolean).join(", ");
}

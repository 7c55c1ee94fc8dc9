import { expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { ProgressFold } from "../../src/ui/progress.ts";
import { timeLeftText } from "../../src/ui/time-left.ts";

/* How much of a plan's prediction is left, second by second. */

interface Work {
  readonly seconds: number | null;
  readonly verdict?: Verdict;
}

const planned = (
  work: Readonly<Record<string, Work>>,
  predicted: [number, number] | null,
): BuildEvent => ({
  type: "planned",
  actions: Object.entries(work).map(([target, { seconds, verdict = "run" }]) => ({
    ...{ target, verdict, seconds, causes: [], gpu: false },
  })),
  prediction: { gpuSeconds: null, seconds: predicted, untimed: 0, gpuMemoryBytes: null },
});

const started = (target: string, expectedSeconds: number): BuildEvent => ({
  ...{ type: "action_started", target, op: "op", lane: "cpu", devices: [], causes: [] },
  ...{ expectedSeconds, log: "log" },
});
const phase = (target: string, name: string, total: number | null = null): BuildEvent => ({
  ...{ type: "action_phase", target, name, total },
});
const settled = (target: string, verdict: "ran" | "fresh"): BuildEvent => ({
  ...{ type: "action_settled", target, verdict, changed: true, cost: null },
});

/** What is said at a second, after events at seconds. */
function said(at: number, ...events: readonly (readonly [number, BuildEvent])[]): string {
  const progress = new ProgressFold();
  for (const [second, event] of events) progress.add(event, 1000 * second);
  const left = progress.now.timeLeft(1000 * at);
  return left === null ? "nothing" : timeLeftText(left);
}

const TWO = planned({ a: { seconds: 30 }, b: { seconds: 90 } }, [60, 240]);

it("is the whole prediction before anything has ended", () => {
  expect(said(5, [0, TWO])).toBe("1–4 min left");
});

it("shrinks with the work that has ended, whatever that took", () => {
  expect(said(200, [0, TWO], [200, settled("a", "ran")])).toBe("0.8–3 min left");
});

it("shrinks with what a running action has done of its own work, and not while it imports", () => {
  const start = [
    [0, TWO],
    [0, started("b", 90)],
    [1, phase("b", "import")],
  ] as const;
  expect(said(40, ...start)).toBe("1.5–4 min left");
  // 45 of 120 seconds are done.
  expect(said(85, ...start, [40, phase("b", "score")])).toBe("0.8–2.5 min left");
});

it("is at least what the pace of a running action tells", () => {
  const slow = [
    [0, TWO],
    [0, started("b", 90)],
    [0, phase("b", "score", 10)],
  ] as const;
  // One step of ten took 100 s.
  expect(said(100, ...slow, [100, { type: "action_step", target: "b", done: 1 }])).toBe(
    "15–31 min left",
  );
});

it("counts at the lower end only what runs for sure", () => {
  const maybe = planned({ a: { seconds: 30 }, b: { seconds: 90, verdict: "unknown" } }, [30, 120]);
  expect(said(0, [0, maybe])).toBe("0.5–2 min left");
  expect(said(30, [0, maybe], [30, settled("b", "fresh")])).toBe("about 30 s left");
});

it("says that the prediction is over, and by how much, when all that is left is overdue", () => {
  const one = planned({ a: { seconds: 10 } }, [8, 20]);
  const running = [
    [0, one],
    [0, started("a", 10)],
    [0, phase("a", "score")],
  ] as const;
  expect(said(6, ...running)).toBe("4–8 s left");
  expect(said(15, ...running)).toBe("0–5 s left");
  expect(said(32, ...running)).toBe("12 s over the predicted 8–20 s");
});

it("says nothing where no time at all was predicted", () => {
  const none = planned({ a: { seconds: 0 } }, [0, 0]);
  expect(said(5, [0, none], [0, started("a", 0)])).toBe("");
});

it("names what was never timed beside it", () => {
  const some = planned({ a: { seconds: 30 }, b: { seconds: null } }, [20, 40]);
  expect(said(0, [0, some])).toBe("20–40 s left, 1 never timed");
  expect(said(0, [0, planned({ b: { seconds: null } }, null)])).toBe("1 never timed");
});

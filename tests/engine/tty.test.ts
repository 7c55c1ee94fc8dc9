import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { ProgressFold, type Progress } from "../../src/ui/progress.ts";
import { NO_COLOURS } from "../../src/ui/reporter.ts";
import { liveLines, ttyReporter } from "../../src/ui/tty.ts";

const planned = (verdicts: Readonly<Record<string, Verdict>>): BuildEvent => ({
  type: "planned",
  actions: Object.entries(verdicts).map(([target, verdict]) => ({
    target,
    verdict,
    causes: [],
    gpu: false,
    seconds: null,
  })),
  prediction: null,
});
const started = (
  target: string,
  more: Partial<Extract<BuildEvent, { type: "action_started" }>> = {},
): BuildEvent => ({
  type: "action_started",
  target,
  op: "op",
  lane: "cpu",
  devices: [],
  causes: [],
  expectedSeconds: null,
  log: null,
  ...more,
});
const settled = (target: string, verdict: "fresh" | "restored" | "ran"): BuildEvent => ({
  type: "action_settled",
  target,
  verdict,
  changed: false,
  cost: null,
});

/** Events at given seconds, and the view some seconds after the first. */
function view(
  at: number,
  ...events: readonly (readonly [number, BuildEvent])[]
): readonly string[] {
  return liveLines(fold(events), at * 1000, 120, NO_COLOURS);
}

function fold(events: readonly (readonly [number, BuildEvent])[]): Progress {
  const progress = new ProgressFold();
  for (const [second, event] of events) progress.add(event, second * 1000);
  return progress.now;
}

describe("the live lines", () => {
  it("are none before anything is known", () => {
    expect(view(0)).toEqual([]);
  });

  it("count what ran, was cached, failed, and is unknown still", () => {
    const verdicts = { a: "run", b: "fresh", c: "unknown", d: "unknown", e: "run" } as const;
    const [bar] = view(
      9,
      [0, planned(verdicts)],
      [1, settled("b", "fresh")],
      [2, started("a")],
      [3, settled("a", "ran")],
      [4, settled("c", "restored")],
      [5, { type: "action_failed", target: "e", failure: { reason: "op_failed", message: "" } }],
    );
    expect(bar).toMatch(/ 4\/5 {2}1 ran, 2 cached, 1 unknown, 1 failed$/);
  });

  it("fill the bar with what is done", () => {
    const done = view(1, [0, planned({ a: "run" })], [1, settled("a", "ran")])[0];
    expect(done).toMatch(/^━{40} 1\/1/);
    expect(view(1, [0, planned({ a: "run" })])[0]).toMatch(/^─{40} 0\/1/);
    expect(view(1, [0, planned({ a: "unknown" })])[0]).toMatch(/^┄{40} 0\/1/);
  });

  it("show step n of N, and the time left at this phase's pace", () => {
    const [, line] = view(
      30,
      [0, planned({ a: "run" })],
      [0, started("a", { expectedSeconds: 999 })],
      [10, { type: "action_phase", target: "a", name: "score", total: 100 }],
      [30, { type: "action_step", target: "a", done: 25 }],
    );
    // 25 steps took 20 s, so 75 take a minute; 30 s since the start.
    expect(line).toBe("  CPU  a  score 25 of 100  30 s, 1 min 00 s left");
  });

  it("guess the time left from the last run before the first step", () => {
    const start = started("a", { expectedSeconds: 100 });
    expect(view(40, [0, planned({ a: "run" })], [0, start])[1]).toContain(
      "starting  40 s, 1 min 00 s left",
    );
    // Overdue: the last run is no guide any more.
    expect(view(140, [0, planned({ a: "run" })], [0, start])[1]).toMatch(/2 min 20 s$/);
    expect(view(40, [0, planned({ a: "run" })], [0, started("a")])[1]).not.toContain("left");
  });

  it("show which GPUs an action has", () => {
    const gpu = started("a", { lane: "gpu", devices: ["0", "3"] });
    expect(view(1, [0, planned({ a: "run" })], [0, gpu])[1]).toContain("GPU 0,3  a");
  });

  it("drop an action when it ends, and count those that do not fit", () => {
    const names = Array.from({ length: 11 }, (_, i) => `a${i}`);
    const events = names.map((name) => [0, started(name)] as const);
    const verdicts = Object.fromEntries(names.map((name) => [name, "run" as const]));
    const all = view(1, [0, planned(verdicts)], ...events);
    expect(all).toHaveLength(1 + 8 + 1);
    expect(all.at(-1)).toBe("  and 3 more");
    const fewer = view(1, [0, planned(verdicts)], ...events, [1, settled("a0", "ran")]);
    expect(fewer.join("\n")).not.toMatch(/ a0 /);
  });

  it("show what keeps the build from starting", () => {
    const hashing = { type: "hashing", file: "big", done: 1, total: 4 } as const;
    expect(view(0, [0, hashing])).toEqual(["reading big 25 %"]);
    const waiting = { type: "waiting_for_lock", owner: "process 7", path: "x" } as const;
    expect(view(0, [0, waiting])).toEqual(["waiting for process 7"]);
  });

  it("are never wider than the terminal", () => {
    const path = fc.string({ unit: fc.constantFrom("a", "/", "-"), minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(
        fc.uniqueArray(path, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 20, max: 200 }),
        fc.record({ phase: path, total: fc.option(fc.nat()), done: fc.nat(), now: fc.nat() }),
        fc.constantFrom("cpu" as const, "gpu" as const),
        (targets, columns, { phase, total, done, now }, lane) => {
          const events: (readonly [number, BuildEvent])[] = [
            [0, planned(Object.fromEntries(targets.map((target) => [target, "unknown"])))],
            [
              0,
              { type: "action_failed", target: "x", failure: { reason: "op_failed", message: "" } },
            ],
          ];
          for (const target of targets.slice(1)) {
            events.push([0, started(target, { lane, devices: ["0", "1"], expectedSeconds: 5 })]);
            events.push([0, { type: "action_phase", target, name: phase, total }]);
            events.push([1, { type: "action_step", target, done }]);
          }
          events.push([1, { type: "hashing", file: targets[0] ?? "", done: 1, total: 2 }]);
          for (const line of liveLines(fold(events), now, columns, NO_COLOURS)) {
            expect(line.length, line).toBeLessThanOrEqual(columns);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe("the terminal view", () => {
  it("hides the cursor, keeps lasting lines, and leaves the terminal as it was", () => {
    const written: string[] = [];
    const output = {
      write: (text: string) => written.push(text),
      columns: () => 80,
      colours: NO_COLOURS,
    };
    const reporter = ttyReporter(output, () => 0);
    reporter.report(planned({ a: "run" }));
    reporter.report({ type: "notice", message: "hello" });
    reporter.close();
    const text = written.join("");
    expect(text.startsWith("\u001b[?25l")).toBe(true);
    expect(text).toContain("notice   hello\n");
    expect(text.endsWith("\u001b[?25h")).toBe(true);
  });
});

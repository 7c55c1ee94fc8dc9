import fc from "fast-check";
import { oneLine } from "../../src/ui/escape.ts";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { clip, columnsOf, padded } from "../../src/ui/columns.ts";
import { linesOf } from "../../src/ui/lines.ts";
import { ProgressFold, type Progress } from "../../src/ui/progress.ts";
import { COLOURS, NO_COLOURS } from "../../src/ui/reporter.ts";
import { ShortNames } from "../../src/ui/short-names.ts";
import { liveLines, ttyReporter } from "../../src/ui/tty.ts";
import { runs } from "../rig/wide.ts";
import { Screen } from "./support/screen.ts";

/** Characters and the columns that they take. */
const WIDTHS: Readonly<Record<string, number>> = {
  a: 1,
  "/": 1,
  "-": 1,
  "…": 1,
  "e\u0301": 1,
  ー: 2,
  日: 2,
  한: 2,
  ｗ: 2,
  "😀": 2,
};
/** Terminals show it in two columns, or in six and more. */
const FAMILY = "👨\u200d👩\u200d👧";
const character = fc.constantFrom(...Object.keys(WIDTHS));
const name = fc.string({ unit: character, minLength: 1, maxLength: 90 });

const planned = (
  verdicts: Readonly<Record<string, Verdict>>,
  seconds: number | null = null,
): BuildEvent => ({
  type: "planned",
  actions: Object.entries(verdicts).map(([target, verdict]) => ({
    target,
    verdict,
    causes: [],
    gpu: false,
    seconds,
  })),
  prediction:
    seconds === null
      ? null
      : {
          ...{ gpuSeconds: null, gpuMemoryBytes: null, untimed: 0 },
          seconds: [seconds / 2, seconds * 2],
        },
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
    expect(view(140, [0, planned({ a: "run" })], [0, start])[1]).toContain(
      "starting  2 min 20 s, overdue: 1 min 40 s expected",
    );
    expect(view(40, [0, planned({ a: "run" })], [0, started("a")])[1]).not.toContain("left");
  });

  it("count no time down while Python starts and imports: that is in no estimate", () => {
    const start = started("a", { expectedSeconds: 8, log: "log" });
    const plan = planned({ a: "run" });
    const imports = [
      2,
      { type: "action_phase", target: "a", name: "import", total: null },
    ] as const;
    expect(view(1, [0, plan], [0, start])[1]).toContain("starting  1.0 s, then 8.0 s");
    expect(view(30, [0, plan], [0, start], imports)[1]).toContain("import  30 s, then 8.0 s");
    const works = [30, { type: "action_phase", target: "a", name: "load", total: null }] as const;
    expect(view(33, [0, plan], [0, start], imports, works)[1]).toContain("load  33 s, 5.0 s left");
    expect(view(37.5, [0, plan], [0, start], imports, works)[1]).toContain("38 s, under 1 s left");
    expect(view(50, [0, plan], [0, start], imports, works)[1]).toContain(
      "load  50 s, overdue: 8.0 s expected",
    );
  });

  it("say how long the build takes still, and what is installed, until both are over", () => {
    const plan = planned({ a: "run" }, 40);
    const installing: BuildEvent = {
      ...{ type: "environment", name: "py", state: "preparing", message: "installing" },
      ...{ done: 3, total: 9 },
    };
    const both = view(1, [0, plan], [0, installing], [1, started("a", { log: "log" })]);
    expect(both[0]).toBe("Python environment py: installing (3 of 9)");
    expect(both[1]).toMatch(/ 0\/1 {2}0 ran, 0 cached {2}20–80 s left$/);
    expect(view(9, [0, plan], [9, settled("a", "ran")])[0]).toMatch(/ 1\/1 {2}1 ran, 0 cached$/);
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
    // Anybody can call a process what they like.
    const hostile = { ...waiting, owner: "process 7 (\u001b[2Jx)" };
    expect(view(0, [0, hostile]).join()).not.toContain("\u001b[2J");
  });

  it("forget what was waited for once the job works, and show it on the devices that it got", () => {
    const job = { lane: "gpu", devices: ["0"] } as const;
    const waiting = { type: "waiting_for_lock", owner: "process 7", path: "GPU 0" } as const;
    const moved = { type: "devices_changed", target: "a", devices: ["1"], message: "m" } as const;
    const phase = { type: "action_phase", target: "a", name: "import", total: null } as const;
    const lines = view(
      0,
      [0, planned({ a: "run" })],
      [0, started("a", job)],
      [0, waiting],
      [0, moved],
      [0, phase],
    ).join("\n");
    expect(lines).toContain("GPU 1");
    expect(lines).not.toContain("process 7");
  });

  it("are never wider than the terminal", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 20, max: 200 }),
        fc.record({ phase: name, total: fc.option(fc.nat()), done: fc.nat(), now: fc.nat() }),
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
            expect(columnsOf(line), line).toBeLessThanOrEqual(columns);
          }
        },
      ),
      { numRuns: runs(400) },
    );
  });
});

describe("a width in columns", () => {
  it("is what a terminal shows, for each character and for all of them", () => {
    for (const [one, columns] of Object.entries(WIDTHS)) expect(columnsOf(one), one).toBe(columns);
    fc.assert(
      fc.property(fc.array(character), (characters) => {
        const sum = characters.reduce((total, one) => total + (WIDTHS[one] ?? NaN), 0);
        expect(columnsOf(characters.join(""))).toBe(sum);
        expect(columnsOf(`\u001b[32m${characters.join("")}\u001b[39m`)).toBe(sum);
      }),
    );
  });

  it("clips between characters, never within one", () => {
    fc.assert(
      fc.property(name, fc.nat(100), fc.constantFrom("start", "ends"), (text, columns, keep) => {
        const clipped = clip(text, columns, keep);
        expect(columnsOf(clipped)).toBeLessThanOrEqual(columns);
        expect(clipped === text).toBe(columnsOf(text) <= columns);
        // A wide character may not have fitted in, on either side.
        if (clipped !== text && columns > 0)
          expect(columnsOf(clipped)).toBeGreaterThan(columns - 3);
        const [front = "", back = ""] = clipped.split("…");
        if (text.includes("…") || clipped === text) return;
        expect(text.startsWith(front) && text.endsWith(back)).toBe(true);
        expect(clipped).not.toMatch(/^\p{M}|…\p{M}|\p{Surrogate}/u);
      }),
    );
    expect(clip("models/日本語の模型/報告書.md", 20, "ends")).toBe("models…型/報告書.md");
    expect(padded("日本", 6)).toBe("日本  ");
  });
});

describe("the terminal view", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /**
   * What is on a terminal after each repaint, and what should be.
   *
   * @param widths columns of the terminal, one for each round; it is resized between them
   */
  function repaints(
    rounds: readonly (readonly BuildEvent[])[],
    widths: number | readonly number[],
    widthOf: (character: string) => number,
  ): readonly (readonly [shown: readonly string[], expected: readonly string[]])[] {
    vi.useFakeTimers();
    const widthAt = (at: number): number =>
      typeof widths === "number" ? widths : (widths[at] ?? 80);
    let columns = widthAt(0);
    const screen = new Screen(columns, widthOf);
    const write = (text: string): void => screen.write(text);
    const output = { write, columns: () => columns, colours: COLOURS };
    const reporter = ttyReporter(output, () => 0);
    const progress = new ProgressFold();
    const names = new ShortNames();
    const shorten = (target: string, taken: number): string =>
      names.of(target, Math.max(20, columns - taken));
    const lasting: string[] = [];
    const seen = rounds.map((events, at) => {
      columns = widthAt(at);
      if (typeof widths !== "number") screen.resize(columns);
      for (const event of events) {
        reporter.report(event);
        progress.add(event, 0);
        if (event.type === "planned") names.set(event.actions.map(({ target }) => target));
        lasting.push(...linesOf(event, COLOURS, shorten).flatMap((line) => line.split("\n")));
      }
      vi.advanceTimersByTime(100);
      const live = liveLines(progress.now, 0, columns, COLOURS, names);
      return [screen.rows, rowsOf(lasting, live)] as const;
    });
    reporter.close();
    return [...seen, [screen.rows, rowsOf(lasting, [])]];

    function rowsOf(lines: readonly string[], live: readonly string[]): readonly string[] {
      const plain = new Screen(columns, widthOf);
      for (const line of lines) plain.write(`${line}\n`);
      plain.write("\u001b[?7l");
      for (const line of live) plain.write(`${line}\n`);
      return plain.rows;
    }
  }

  const round = (target: string, note: string): readonly BuildEvent[] => [
    { type: "hashing", file: note, done: 1, total: 2 },
    planned({ [target]: "run", other: "unknown" }),
    started(target, { lane: "gpu", devices: ["0"] }),
    { type: "action_phase", target, name: note, total: 3 },
    { type: "notice", message: `${target} ${note}` },
  ];

  it("leaves nothing of what it painted before, whatever the paths are", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, name, fc.boolean()), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 20, max: 100 }),
        (given, columns) => {
          const rounds = given.map(([target, note, ends]) => [
            ...round(target, note),
            ...(ends ? [settled(target, "ran")] : []),
          ]);
          const widthOf = (one: string): number => WIDTHS[one] ?? 1;
          for (const [shown, expected] of repaints(rounds, columns, widthOf))
            expect(shown).toEqual(expected);
        },
      ),
    );
  });

  it("leaves nothing behind when the terminal is made narrower and wider", () => {
    const ascii = fc.string({ unit: fc.constantFrom("a", "/", "-"), minLength: 1, maxLength: 90 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ascii, ascii, fc.integer({ min: 20, max: 120 })), {
          minLength: 2,
          maxLength: 6,
        }),
        (given) => {
          const rounds = given.map(([target, note]) => round(target, note));
          const widths = given.map(([, , columns]) => columns);
          for (const [shown, expected] of repaints(rounds, widths, () => 1))
            expect(shown).toEqual(expected);
        },
      ),
    );
  });

  it("goes up one row for a line where the terminal cuts lines", () => {
    vi.useFakeTimers();
    let columns = 100;
    const written: string[] = [];
    const write = (text: string): void => void written.push(text);
    const output = { write, columns: () => columns, colours: NO_COLOURS, rewraps: false };
    const reporter = ttyReporter(output, () => 0);
    reporter.report(planned({ a: "run" }));
    vi.advanceTimersByTime(100);
    columns = 20;
    vi.advanceTimersByTime(100);
    expect(written.at(-1)).toContain("\u001b[1A");
    reporter.close();
  });

  it("names a finished target by what tells it from the others, in one row", () => {
    const target = "models/a/analysis/fp8/run_of_the_model_small/sensitivity-scores.json";
    const plan = planned({ [target]: "run", "models/a/analysis/fp8/other/scores.json": "run" });
    const [shown = []] = repaints([[plan, settled(target, "ran")]], 70, () => 1)[0] ?? [];
    expect(shown[1]).toBe("ran      …/sensitivity-scores.json (same content as before)");
    const [narrow = []] = repaints([[plan, settled(target, "ran")]], 42, () => 1)[0] ?? [];
    expect(narrow).toContain("ran      …/sensitivity-scores.json (same)");
  });

  it("says once that files are watched", () => {
    const waiting = { type: "waiting", files: 750 } as const;
    const [, [shown] = []] = repaints([[waiting], [waiting, waiting]], 100, () => 1);
    expect(shown?.filter((line) => line.includes("watching 750 files"))).toHaveLength(1);
  });

  it("does so where the terminal has its own idea of an emoji's width", () => {
    const target = `${FAMILY.repeat(12)}/a`;
    const rounds = [round(target, "a"), [...round("b", "c"), settled(target, "ran")]];
    const widthOf = (one: string): number =>
      one === "\u200d" ? 1 : /\p{Emoji}/u.test(one) ? 2 : 1;
    for (const [shown, expected] of repaints(rounds, 60, widthOf)) expect(shown).toEqual(expected);
  });

  it("shows control characters as escapes, in what tools report as well", () => {
    const rounds = [round("a\u001b[2Jb", "x\ny\u001b[9A")];
    const [shown = []] = repaints(rounds, 100, () => 1)[0] ?? [];
    expect(shown.join("\n")).toContain("a\\u001b[2Jb  x\\ny\\u001b[9A 0 of 3");
  });

  it("shows what turns or hides text as escapes, and leaves what people write", () => {
    expect(oneLine("a\u202egpj.exe\u2066\u061c\u200f\ufeff\u{e0041}\ud800")).toBe(
      "a\\u202egpj.exe\\u2066\\u061c\\u200f\\ufeff\\u{e0041}\\ud800",
    );
    expect(oneLine(`שלום ${FAMILY} नमस्ते é`)).toBe(`שלום ${FAMILY} नमस्ते é`);
  });

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

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Cause } from "../../src/model/verdict.ts";
import { rootCauses, type Held } from "../../src/plan/root-causes.ts";
import { LastingLines } from "../../src/ui/lasting-lines.ts";
import { NO_COLOURS } from "../../src/ui/reporter.ts";

const missing = (path: string, obtain = "get it"): Cause => ({
  kind: "input_missing",
  path,
  obtain,
});
const behind = (producer: string): Cause => ({ kind: "blocked_by", producer });

describe("root causes", () => {
  it("are told once, with all that waits for them, directly or behind others", () => {
    const held: readonly Held[] = [
      { target: "data", causes: [missing("annotations")] },
      { target: "scores", causes: [behind("data"), missing("weights", "one way")] },
      { target: "other scores", causes: [missing("weights", "another way")] },
      { target: "report", causes: [behind("scores")] },
    ];
    expect(rootCauses(held).map(({ cause, targets }) => [cause, targets])).toEqual([
      [missing("annotations"), ["data", "scores", "report"]],
      [missing("weights", "one way"), ["scores", "other scores", "report"]],
    ]);
  });

  it("name a producer that failed where it is not held itself", () => {
    expect(rootCauses([{ target: "report", causes: [behind("scores")] }])).toMatchObject([
      { cause: behind("scores"), targets: ["report"] },
    ]);
  });

  it("are what a walk up from every target finds", () => {
    // Each target lacks some of three files, and waits for some of the targets before it.
    const target = fc.record({
      files: fc.uniqueArray(fc.constantFrom("a", "b", "c")),
      producers: fc.uniqueArray(fc.nat(30)),
    });
    fc.assert(
      fc.property(fc.array(target, { maxLength: 30 }), (drawn) => {
        const held = drawn.flatMap(({ files, producers }, n) => {
          const before = producers.filter((producer) => producer < n);
          return {
            target: `t${n}`,
            causes: [...files.map((f) => missing(f)), ...before.map((p) => behind(`t${p}`))],
          };
        });
        const filesOf = (n: number): ReadonlySet<string> => {
          const one = drawn[n];
          const above = (one?.producers ?? []).filter((p) => p < n).flatMap((p) => [...filesOf(p)]);
          return new Set([...(one?.files ?? []), ...above]);
        };
        const expected = Object.fromEntries(
          ["a", "b", "c"].flatMap((file) => {
            const targets = drawn.flatMap((_, n) => (filesOf(n).has(file) ? [`t${n}`] : []));
            return targets.length > 0 ? [[file, targets] as const] : [];
          }),
        );
        const found = rootCauses(held).map(({ cause, targets }) => [
          cause.kind === "input_missing" ? cause.path : cause.kind,
          targets,
        ]);
        expect(Object.fromEntries(found)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a build that is held up", () => {
  const planned: BuildEvent = {
    type: "planned",
    actions: ["scores", "report"].map((target) => ({
      target,
      verdict: "blocked",
      causes: target === "scores" ? [missing("weights")] : [behind("scores")],
      gpu: false,
      seconds: null,
    })),
    prediction: null,
  };
  const blocked = (target: string, cause: Cause): BuildEvent => ({
    type: "action_blocked",
    target,
    causes: [cause],
  });
  const finished: BuildEvent = {
    type: "build_finished",
    outcome: "failed",
    exitCode: 1,
    seconds: 0,
    gpu: null,
    ...{ ran: 0, restored: 0, shared: 0, fresh: 0, failed: 0, blocked: 2 },
  };
  const said = (verbose: boolean, ...events: readonly BuildEvent[]): readonly string[] => {
    const lasting = new LastingLines(NO_COLOURS, verbose);
    return events.flatMap((event) => lasting.of(event)).map((line) => line.trim());
  };
  const waits = [blocked("scores", missing("weights")), blocked("report", behind("scores"))];

  it("says each cause before anything runs, and not again at the end", () => {
    expect(said(false, planned, ...waits, finished)).toEqual([
      "0 actions to run, 2 blocked, 0 fresh",
      "blocked  weights is missing; get it",
      "holds up 2 targets: scores and 1 more",
      "failed: 0 ran, 0 fresh, 2 blocked in 0 ms",
    ]);
  });

  it("lists each target that waits with --verbose", () => {
    expect(said(true, planned, ...waits, finished)).toContain("blocked  report");
  });

  it("says at the end what a failure left undone", () => {
    expect(said(false, blocked("report", behind("scores")), finished)).toEqual([
      "blocked  scores failed",
      "holds up report",
      "failed: 0 ran, 0 fresh, 2 blocked in 0 ms",
    ]);
  });
});

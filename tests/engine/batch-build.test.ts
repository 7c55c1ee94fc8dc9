import fc from "fast-check";
import { expect, it } from "vitest";
import { runBuild } from "../../src/execute/build.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import { runs } from "../rig/wide.ts";
import { MemoryExecutor, MemoryWorkspace, memoryPorts, settled } from "./support/memory.ts";
import { graphOf, selectAll, type Sketch } from "./support/graphs.ts";

/*
 * P1, P2: whatever runs together, each action runs once, and everything comes out as if each had run alone.
 */
interface Drawn {
  readonly reads: number;
  readonly gpu: number;
  readonly fails: boolean;
  /** An action before it makes the input that is its own in its group. */
  readonly own: number;
}

const drawn = fc.array(
  fc.record({
    reads: fc.nat({ max: 12 }),
    gpu: fc.constantFrom(0, 1),
    fails: fc.nat({ max: 7 }).map((n) => n === 0),
    own: fc.nat({ max: 12 }),
  }),
  { minLength: 1, maxLength: 14 },
);
const lanes = fc.record({
  jobs: fc.integer({ min: 1, max: 3 }),
  gpus: fc.constantFrom(["0"], ["0", "1", "2"]),
  most: fc.constantFrom(undefined, 1, 2, 5),
});

interface Played {
  readonly workspace: MemoryWorkspace;
  readonly executed: readonly string[];
  readonly events: readonly BuildEvent[];
}

async function play(
  actions: readonly Drawn[],
  batch: Sketch["batch"],
  { jobs, gpus }: { readonly jobs: number; readonly gpus: readonly string[] },
  turns: readonly number[],
): Promise<Played> {
  const workspace = new MemoryWorkspace();
  workspace.files.set("s", "source");
  const graph = graphOf(
    ...actions.map(({ reads, gpu, own }, n): Sketch => ({
      makes: `a${n}`,
      from: {
        common: { path: reads < n ? `a${reads}` : "s", kind: "file" },
        ...(own < n ? { own: { path: `a${own}`, kind: "file" } } : {}),
      },
      gpu,
      cpu: own % 3 === 0 ? 0 : 1,
      params: { n },
      ...(batch === undefined ? {} : { batch }),
    })),
  );
  let turn = 0;
  const executor = new MemoryExecutor(
    workspace,
    ({ id }, inputs) =>
      actions[Number(id.slice(1))]?.fails === true
        ? "op_failed"
        : { out: `${id} of ${JSON.stringify(inputs)}` },
    () => turns[turn++ % turns.length] ?? 0,
  );
  const events: BuildEvent[] = [];
  await runBuild(
    {
      selection: selectAll(graph),
      targets: [],
      jobs,
      gpus,
      keepGoing: true,
      expected: () => null,
      signal: new AbortController().signal,
    },
    memoryPorts(workspace, executor),
    (event) => events.push(event),
  );
  return { workspace, executed: executor.executed, events };
}

it("a build in batches comes out as one without, and runs each action once", async () => {
  const turns = fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(drawn, lanes, turns, async (actions, { most, ...width }, waits) => {
      const batch = { apart: ["n", "own"], ...(most === undefined ? {} : { most }) };
      const alone = await play(actions, undefined, width, waits);
      const together = await play(actions, batch, width, waits);
      expect([...together.executed].sort()).toEqual([...alone.executed].sort());
      expect(new Set(together.executed).size).toBe(together.executed.length);
      expect(new Map([...together.workspace.files].sort())).toEqual(
        new Map([...alone.workspace.files].sort()),
      );
      const keys = ({ workspace }: Played): unknown[] =>
        [...workspace.records.values()].map(({ target, key, outputs }) => [target, key, outputs]);
      expect(keys(together).sort()).toEqual(keys(alone).sort());
      expect([...settled(together.events, "ran")].sort()).toEqual(
        [...settled(alone.events, "ran")].sort(),
      );
      for (const event of together.events) {
        if (event.type !== "batch_started") continue;
        expect(event.targets.length).toBeGreaterThan(1);
        expect(event.targets.length).toBeLessThanOrEqual(most ?? Infinity);
      }
    }),
    { numRuns: runs(150) },
  );
});

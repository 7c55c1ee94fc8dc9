import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ActionNode, Graph } from "../../src/graph/graph.ts";
import { actionKey } from "../../src/keys/describe.ts";
import type { ActionDescription, ActionRecord, Cost } from "../../src/model/record.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { overBudget } from "../../src/plan/budget.ts";
import { planCost, withCluster, type PlanCost } from "../../src/plan/cost.ts";
import type { Width } from "../../src/plan/predicted-jobs.ts";
import { estimateFrom, timeTogether, type Interval } from "../../src/plan/estimate.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { graphOf, type Sketch } from "./support/graphs.ts";
import { defined, only } from "./support/results.ts";

/** What a run of `node` would have recorded. */
function recordOf(node: ActionNode, cost: Partial<Cost> = {}, more: object = {}): ActionRecord {
  const { op, params } = node.declaration;
  const name = op.runtime === "python" ? op.name : op.module;
  const action: ActionDescription = {
    epoch: 1,
    op: { runtime: op.runtime, name, version: 1, code: null, sources: {} },
    environment: null,
    params,
    inputs: {},
    outputs: {},
  };
  const { gpu } = node.declaration.resources;
  const seconds = cost.seconds ?? 10;
  return {
    schema: 1,
    target: node.id,
    key: actionKey(action),
    action,
    input_paths: Object.fromEntries(node.inputs.map(({ role, path }) => [role, path])),
    outputs: {},
    cost: {
      seconds,
      gpu_seconds: gpu > 0 ? seconds : 0,
      peak_memory_bytes: null,
      peak_gpu_memory_bytes: null,
      scale: { together: 1, gpus: gpu, input_bytes: 100 },
      ...cost,
    },
    tools: {},
    facts: {},
    audit: [],
    ...more,
  };
}

interface Known {
  readonly own?: ReadonlyMap<string, ActionRecord>;
  readonly runs?: readonly ActionRecord[];
  readonly bytes?: number;
}

const estimates = ({ own, runs = [], bytes = 100 }: Known) =>
  estimateFrom({
    record: ({ id }) => own?.get(id) ?? null,
    runs: () => runs,
    inputBytes: () => bytes,
  });

const planOf = (graph: Graph, verdict: (id: string) => Verdict = () => "run"): Plan => {
  const actions = graph.actions.map((node) => ({
    node,
    verdict: verdict(node.id),
    causes: [],
    key: null,
    description: null,
    result: null,
    absent: new Set<string>(),
    missingFrom: [],
  }));
  return { actions, byNode: new Map(actions.map((one) => [one.node, one])), demanded: new Map() };
};

const WIDTH = { jobs: 1, gpus: 1 };
const gpu = (makes: string, more: Partial<Sketch> = {}): Sketch => ({ makes, gpu: 1, ...more });
const cost = (graph: Graph, known: Known, width: Width = WIDTH): PlanCost =>
  planCost(planOf(graph), estimates(known), width);
const ordered = ({ low, likely, high }: Interval): boolean => low <= likely && likely <= high;

describe("what an action is told by", () => {
  const node = only(graphOf(gpu("a", { params: { n: 1 }, from: ["s"] })).actions);

  it("is its own last run before all others", () => {
    const own = new Map([["a", recordOf(node, { seconds: 10 })]]);
    const told = defined(estimates({ own, runs: [recordOf(node, { seconds: 99 })] })(node));
    expect(told).toMatchObject({ basis: "own", gpuSeconds: { low: 8, likely: 10, high: 12.5 } });
  });

  it("is else the median of others of its group, else of its op, but never of another lane", () => {
    const batch = { apart: ["n"] };
    const [one, other, elsewhere, cheap] = graphOf(
      gpu("a", { params: { n: 1 }, from: ["s"], batch }),
      gpu("b", { params: { n: 2 }, from: ["s"], batch }),
      gpu("c", { params: { n: 2 }, from: ["t"], batch }),
      { makes: "d", params: { n: 2 }, from: ["s"] },
    ).actions as [ActionNode, ActionNode, ActionNode, ActionNode];
    const far = recordOf(elsewhere, { seconds: 1000 });
    const near = [30, 10, 20].map((seconds) => recordOf(other, { seconds }));
    expect(estimates({ runs: [far, ...near] })(one)).toMatchObject({
      basis: "similar",
      seconds: { likely: 20, low: 20 / 1.5, high: 30 },
    });
    expect(estimates({ runs: [far] })(one)).toMatchObject({
      basis: "similar",
      seconds: { likely: 1000, low: 500, high: 2000 },
    });
    expect(estimates({ runs: [recordOf(cheap)] })(one)).toBeNull();
  });

  it("takes runs that differ in the input that sets members apart for runs of its group", () => {
    const batch = { apart: ["plan"] };
    const read = (plan: string, data: string) => ({
      plan: { path: plan, kind: "file" } as const,
      data: { path: data, kind: "file" } as const,
    });
    const [one, other, elsewhere] = graphOf(
      gpu("a", { from: read("p1", "s"), batch }),
      gpu("b", { from: read("p2", "s"), batch }),
      gpu("c", { from: read("p2", "t"), batch }),
    ).actions as [ActionNode, ActionNode, ActionNode];
    const runs = [recordOf(elsewhere, { seconds: 1000 }), recordOf(other, { seconds: 20 })];
    expect(estimates({ runs })(one)?.seconds.likely).toBe(20);
  });

  it("is else what its rule declares, and else nothing", () => {
    const expected = { gpuSeconds: [10, 40] as const, because: "a guess" };
    const [with_, without] = graphOf(gpu("a", { expected }), gpu("b")).actions;
    const told = estimates({})(defined(with_));
    expect(told).toMatchObject({ basis: "prior", gpuSeconds: { low: 10, likely: 20, high: 40 } });
    expect(estimates({})(defined(without))).toBeNull();
  });

  it("is else milliseconds, where it takes no slot", () => {
    const [light, heavy] = graphOf({ makes: "a", cpu: 0 }, { makes: "b" }).actions;
    expect(estimates({})(defined(light))).toMatchObject({
      basis: "prior",
      seconds: { low: 0.001, likely: 0.02, high: 0.5 },
      gpuSeconds: { high: 0 },
    });
    expect(estimates({})(defined(heavy))).toBeNull();
    const { because, withoutEstimate } = cost(graphOf({ makes: "a", cpu: 0 }), {});
    expect(because).toEqual(["an action that takes no slot takes 1–500 ms"]);
    expect(withoutEstimate).toBe(0);
  });

  it("is else bounded by the time that its resources ask for, on each of its devices", () => {
    const node = only(graphOf({ makes: "a", gpu: 2, seconds: 60 }).actions);
    expect(estimates({})(node)).toMatchObject({
      basis: "prior",
      seconds: { low: 0, likely: 30, high: 60 },
      gpuSeconds: { low: 0, likely: 60, high: 120 },
    });
    const told = cost(graphOf({ makes: "a", gpu: 1, seconds: 3600 }), {});
    expect(told.because).toEqual(["no more time than its resources ask for"]);
    expect(overBudget(told, 1)).toBeNull();
    expect(overBudget(told, 0.9)).not.toBeNull();
  });

  it("is scaled by the work that is declared now and the facts that were recorded then", () => {
    const work = { steps: 64, unknown_then: 5 };
    const expected = { work, gpuSeconds: [0, 1] as const, because: "" };
    const more = only(graphOf(gpu("a", { expected })).actions);
    const own = new Map([["a", recordOf(more, { seconds: 10 }, { facts: { steps: 16 } })]]);
    expect(estimates({ own })(more)?.seconds.likely).toBe(40);
  });

  it("is scaled by a part that is the same for every size, and a part for each unit", () => {
    const growth = { fixedSeconds: 15, secondsEach: { batches: 2, samples: 0.1 } };
    const sized = (batches: number, samples: number) => {
      const expected = { work: { batches, samples }, gpuSeconds: [0, 1] as const, because: "" };
      return only(graphOf(gpu("a", { expected: { ...expected, growth } })).actions);
    };
    const facts = { batches: 16, samples: 128 }; // 15 + 32 + 12.8 = 59.8
    const own = new Map([["a", recordOf(sized(16, 128), { seconds: 59.8 }, { facts })]]);
    const likely = (batches: number, samples: number) =>
      estimates({ own })(sized(batches, samples))?.seconds.likely;
    expect(likely(16, 128)).toBeCloseTo(59.8);
    expect(likely(2, 16)).toBeCloseTo(15 + 4 + 1.6); // an eighth of the work is no eighth of the time
    expect(likely(1, 128)).toBeCloseTo(15 + 2 + 12.8); // larger batches
    expect(likely(0, 0)).toBeCloseTo(15);
  });

  it("is as it was where the earlier run did not count the work", () => {
    const growth = { fixedSeconds: 15, secondsEach: { samples: 0.1 } };
    const expected = { work: { samples: 500 }, growth, gpuSeconds: [0, 1] as const, because: "" };
    const now = only(graphOf(gpu("a", { expected })).actions);
    const own = new Map([["a", recordOf(now, { seconds: 10 })]]);
    expect(estimates({ own })(now)?.seconds.likely).toBe(10);
  });

  it("covers both no growth and growth in proportion, where the inputs have another size", () => {
    const own = new Map([["a", recordOf(node, { seconds: 10 })]]);
    const larger = defined(estimates({ own, bytes: 400 })(node)).seconds;
    expect(larger).toEqual({ low: 8, likely: 20, high: 50 });
    const smaller = defined(estimates({ own, bytes: 25 })(node)).seconds;
    expect(smaller).toEqual({ low: 2, likely: 5, high: 12.5 });
  });
});

describe("a batch", () => {
  const batch = { apart: ["n"], shared: 0.6 };
  const group = (count: number): Graph =>
    graphOf(
      ...Array.from({ length: count }, (_, n) =>
        gpu(`a${n}`, { params: { n }, batch, from: ["s"] }),
      ),
    );

  it("of n costs what was measured of a batch of n, and less than n times what one costs", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 1, max: 500 }), (n, whole) => {
        const graph = group(n);
        const scale = { together: n, gpus: 1, input_bytes: 100 };
        const own = new Map(
          graph.actions.map((node) => [node.id, recordOf(node, { seconds: whole / n, scale })]),
        );
        const told = cost(graph, { own }).gpuSeconds;
        expect(told.likely).toBeCloseTo(whole, 6);
        const one = defined(estimates({ own })(defined(graph.actions[0]))).gpuSeconds;
        expect(told.likely).toBeLessThan(n * one.likely);
        expect(one.likely).toBeLessThan(whole);
      }),
    );
  });

  it("pays its start once for each device that it is spread over, and ends sooner", () => {
    const graph = group(16);
    const runs = [recordOf(defined(graph.actions[0]), { seconds: 10 })];
    const [one, four] = [1, 4].map((gpus) => cost(graph, { runs }, { jobs: 1, gpus }));
    expect(defined(one).gpuSeconds.likely).toBeCloseTo(10 * (0.6 + 0.4 * 16));
    expect(defined(four).gpuSeconds.likely).toBeCloseTo(4 * 10 * (0.6 + 0.4 * 4));
    expect(defined(four).seconds.likely).toBeLessThan(defined(one).seconds.likely);
  });

  it("that shares its work out over devices takes what is fixed once, and a part of the rest on each", () => {
    const growth = { fixedSeconds: 10, secondsEach: { steps: 2 } };
    const expected = { work: { steps: 15 }, growth, gpuSeconds: [0, 1] as const, because: "" };
    const graph = graphOf(
      ...[0, 1].map((n) =>
        gpu(`a${n}`, { params: { n }, batch, from: ["s"], expected, upToGpus: 4 }),
      ),
    );
    // Recorded on two devices: 10 + 30 / 2 = 25 s, so 40 on one.
    const scale = { together: 1, gpus: 2, input_bytes: 100 };
    const more = { seconds: 25, gpu_seconds: 50, peak_gpu_memory_bytes: 1000, scale };
    const own = new Map(
      graph.actions.map((node) => [node.id, recordOf(node, more, { facts: { steps: 15 } })]),
    );
    const [one] = graph.actions;
    expect(estimates({ own })(defined(one))).toMatchObject({
      seconds: { likely: 40 },
      gpuSeconds: { likely: 40 },
      gpuMemoryBytes: { likely: 1000 },
      gpus: 1, // each device had a whole model
    });
    const alone = 40 * (0.6 + 0.4 * 2);
    const width = (gpus: number) => cost(graph, { own }, { jobs: 1, gpus });
    expect(width(1).seconds.likely).toBeCloseTo(alone);
    expect(width(3).seconds.likely).toBeCloseTo(alone * (20 / 40));
    expect(width(3).gpuSeconds.likely).toBeCloseTo(3 * alone * (20 / 40));
    // On a cluster, and where devices are of two kinds, each of two jobs has one device.
    for (const told of [
      withCluster({ jobs: 1, gpus: 1 }, { jobs: 4 }),
      { jobs: 1, gpus: 4, apart: true },
    ])
      expect(cost(graph, { own }, told).gpuSeconds.likely).toBeCloseTo(2 * 40);
    // Of eight devices four are of use, also where one member alone could use them.
    expect(width(8).gpuSeconds.likely).toBeCloseTo(4 * alone * (17.5 / 40));
    const mixed = graphOf(
      ...[1, 4].map((upToGpus, n) =>
        gpu(`a${n}`, { params: { n }, batch, from: ["s"], expected, upToGpus }),
      ),
    );
    const ran = recordOf(defined(mixed.actions[0]), { ...more, scale: { ...scale, together: 2 } });
    const known = new Map(mixed.actions.map((node) => [node.id, { ...ran, facts: { steps: 15 } }]));
    // The one that could not have had two devices alone: each had a whole model all the same.
    expect(estimates({ own: known })(defined(mixed.actions[0]))).toMatchObject({ gpus: 1 });
    const predicted = cost(mixed, { own: known }, { jobs: 1, gpus: 8 });
    const lone = cost(mixed, { own: known }, { jobs: 1, gpus: 1 });
    expect(predicted.gpuSeconds.likely).toBeCloseTo(4 * lone.gpuSeconds.likely * (17.5 / 40));
    for (const gpus of [1, 2, 3, 8]) expect(ordered(width(gpus).seconds)).toBe(true);
  });

  it("is cut to the most that a job takes", () => {
    const most = { ...batch, most: 2 };
    const graph = graphOf(
      ...[0, 1, 2].map((n) => gpu(`a${n}`, { params: { n }, batch: most, from: ["s"] })),
    );
    const runs = [recordOf(defined(graph.actions[0]), { seconds: 10 })];
    expect(cost(graph, { runs }).gpuSeconds.likely).toBeCloseTo(10 * 1.4 + 10);
  });

  it("takes the memory of one, with more room above for more members", () => {
    const graph = group(4);
    const runs = [recordOf(defined(graph.actions[0]), { peak_gpu_memory_bytes: 1000 })];
    const told = defined(cost(graph, { runs }).gpuMemoryBytes);
    expect(told.likely).toBe(1000);
    expect(told.high).toBeCloseTo(1000 * 1.5 * 1.3);
  });

  it("of one is no batch", () => {
    expect(timeTogether(defined(group(1).actions[0]), [7])).toBe(7);
  });
});

describe("the cost of a plan", () => {
  it("counts verdicts, and what each figure comes from", () => {
    const expected = { gpuSeconds: [1, 4] as const, because: "a guess" };
    const graph = graphOf(
      { makes: "cpu" },
      gpu("own"),
      gpu("prior", { op: "ops/a.ts", expected }),
      gpu("never", { op: "ops/b.ts" }),
      { makes: "fresh" },
    );
    const own = new Map(graph.actions.slice(0, 2).map((node) => [node.id, recordOf(node)]));
    const plan = planOf(graph, (id) => (id === "fresh" ? "fresh" : "run"));
    expect(planCost(plan, estimates({ own }), WIDTH)).toMatchObject({
      fresh: 1,
      run: 4,
      gpuRun: 3,
      unknown: 0,
      blocked: 0,
      restore: 0,
      shared: 0,
      basis: { own: 2, similar: 0, prior: 1 },
      withoutEstimate: 1,
      gpuWithoutEstimate: 1,
      cpuSeconds: { likely: 10 },
      gpuSeconds: { low: 9, likely: 12, high: 16.5 },
      because: ["a guess"],
    });
  });

  it("counts what is only perhaps run at the upper end alone", () => {
    const graph = graphOf(gpu("a"));
    const runs = [recordOf(only(graph.actions))];
    const told = planCost(
      planOf(graph, () => "unknown"),
      estimates({ runs }),
      WIDTH,
    );
    expect(told.gpuSeconds).toEqual({ low: 0, likely: 0, high: 20 });
  });

  it("takes at least its longest chain and its busiest lane, at most both, and a start", () => {
    const graph = graphOf({ makes: "a" }, { makes: "b", from: ["a"] }, { makes: "c" });
    const own = new Map(graph.actions.map((node) => [node.id, recordOf(node)]));
    const two = cost(graph, { own }, { jobs: 2, gpus: 0 }).seconds;
    expect(two.likely).toBe(20); // a, then b
    expect(two.high).toBeCloseTo(1.25 * (15 + 20 / 2) + 20);
    const one = cost(graph, { own }, { jobs: 1, gpus: 0 }).seconds;
    expect(one).toEqual({ low: 24, likely: 30, high: 37.5 + 20 });
  });

  it("is an interval in order that holds what an equal second run takes, and grows with the plan", () => {
    const sketches = fc.array(
      fc.record({
        gpu: fc.constantFrom(0, 1, 2),
        reads: fc.nat({ max: 9 }),
        seconds: fc.integer({ min: 0, max: 900 }),
        batch: fc.constantFrom(undefined, { apart: ["n"] }),
      }),
      { minLength: 1, maxLength: 10 },
    );
    const width = fc.record({ jobs: fc.integer({ min: 1, max: 4 }), gpus: fc.constantFrom(2, 4) });
    fc.assert(
      fc.property(sketches, width, (drawn, lanes) => {
        const graph = graphOf(
          ...drawn.map(({ gpu: gpus, reads, batch }, n) => ({
            makes: `a${n}`,
            gpu: gpus,
            params: { n },
            from: reads < n ? [`a${reads}`] : ["s"],
            ...(batch === undefined ? {} : { batch }),
          })),
        );
        const own = new Map(
          graph.actions.map((node) => {
            const { seconds } = defined(drawn[Number(node.id.slice(1))]);
            return [node.id, recordOf(node, { seconds })];
          }),
        );
        const whole = cost(graph, { own }, lanes);
        for (const interval of [whole.cpuSeconds, whole.gpuSeconds, whole.seconds])
          expect(ordered(interval)).toBe(true);
        const part = planCost(
          planOf(graph, (id) => (id === "a0" ? "fresh" : "run")),
          estimates({ own }),
          lanes,
        );
        const alone = graph.actions.every(({ declaration }) => declaration.batch === undefined);
        // Which members share a job may change when one is left out, so a batch need not cost less then.
        if (alone) {
          expect(part.gpuSeconds.high).toBeLessThanOrEqual(whole.gpuSeconds.high * (1 + 1e-9));
          expect(part.seconds.low).toBeLessThanOrEqual(whole.seconds.low * (1 + 1e-9));
        }
        const took = drawn.reduce((sum, one) => sum + (one.gpu > 0 ? one.seconds : 0), 0);
        if (alone) expect(whole.gpuSeconds.likely).toBeCloseTo(took, 6);
        else expect(whole.gpuSeconds.likely).toBeLessThanOrEqual(took + 1e-6);
      }),
    );
  });
});

describe("a limit of GPU hours", () => {
  const graph = graphOf(gpu("a"));
  const told = (seconds: number): PlanCost =>
    cost(graph, { own: new Map([["a", recordOf(only(graph.actions), { seconds })]]) });

  it("refuses what may take more, by the upper end of the estimate", () => {
    expect(overBudget(told(3600), 1.3)).toBeNull();
    expect(overBudget(told(3600), 1.2)).toMatchObject({
      reason: "over_budget",
      message:
        "The build may take up to 1.3 GPU hours (likely 1), and --max-gpu-hours allows 1.2; nothing was run",
    });
  });

  it("refuses what nobody can tell", () => {
    expect(overBudget(cost(graph, {}), 1000)?.reason).toBe("over_budget");
  });

  it("lets pass what needs no GPU", () => {
    expect(overBudget(cost(graphOf({ makes: "a", cpu: 0 }), {}), 0)).toBeNull();
  });
});

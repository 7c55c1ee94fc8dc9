import { describe, expect, it } from "vitest";
import { Executors, type ExecutorAtHand } from "../../src/host/executor.ts";
import { localOffers, thisMachine, type Machine } from "../../src/host/machine.ts";
import { ok } from "../../src/model/result.ts";
import { takerOf } from "../../src/plan/offer.ts";
import type { ExecutionMember, ExecutionRequest } from "../../src/ports.ts";
import { digestOf } from "./support/content.ts";
import { action, graphOf, nodeOf, type Sketch } from "./support/graphs.ts";

const declared = (sketch: Omit<Sketch, "makes">) => action({ makes: "a", ...sketch });

const machine = (gpus: readonly string[]): Machine => ({ gpus, memoryBytes: () => 16e9 });

describe("the executor that takes an action", () => {
  const large = { runtime: "python", name: "large", lacks: () => null } as const;
  const small = {
    runtime: "python",
    name: "small",
    lacks: ({ gpu }: { gpu: number }) =>
      gpu === 0 ? null : { why: "it has no GPU", nextStep: "ask a larger one" },
  } as const;

  it("is the first for its runtime that lacks nothing", () => {
    const python = (gpu: number) => declared({ python: "env", gpu });
    expect(takerOf(python(0), [small, large])).toEqual(ok(small));
    expect(takerOf(python(1), [small, large])).toEqual(ok(large));
    expect(takerOf(python(1), [small])).toEqual({
      ok: false,
      error: { why: "it has no GPU", nextStep: "ask a larger one" },
    });
  });

  it("is never one of another runtime", () => {
    expect(() => takerOf(declared({}), [small, large])).toThrow("no executor runs typescript ops");
  });

  it("is refused on this machine where it shows fewer GPUs than are needed", () => {
    const why = (shown: readonly string[], gpu: number): string | undefined =>
      localOffers(machine(shown)).python.lacks({ cpu: 0, gpu })?.why;
    expect(why([], 1)).toBe("it needs a GPU and this machine shows none");
    expect(why(["0"], 2)).toBe("it needs 2 GPUs and this machine shows 1");
    expect(localOffers(machine(["0"])).python.lacks({ cpu: 0, gpu: 2 })?.nextStep).toBe(
      "build it on a machine with as many, or set gpus to 1 in its model config",
    );
    expect(why(["0", "1"], 2)).toBeUndefined();
  });

  it("is refused on this machine where it has less memory than is needed", () => {
    const why = (memoryBytes: number): string | undefined =>
      localOffers(machine([])).python.lacks({ cpu: 1, gpu: 0, memoryBytes })?.why;
    expect(why(16e9)).toBeUndefined();
    expect(why(64e9)).toBe("it needs 64.0 GB of memory and this machine has 16.0 GB");
    const { memoryBytes } = thisMachine([]);
    expect(memoryBytes()).toBeGreaterThan(1e8);
    expect(memoryBytes()).toBeLessThan(1e15);
  });
});

describe("executors", () => {
  const graph = graphOf(
    { makes: "text" },
    { makes: "scores", python: "env" },
    { makes: "model", python: "env", gpu: 1 },
  );

  /** What was opened, asked and closed, in order. */
  function executors(gpus: readonly string[]): { readonly all: Executors; readonly log: string[] } {
    const log: string[] = [];
    const offers = localOffers(machine(gpus));
    const atHand = (name: "typescript" | "python"): ExecutorAtHand => ({
      ...offers[name],
      logPath: ({ id }) => `${name}/${id}.log`,
      open: () => {
        log.push(`${name} opened`);
        return Promise.resolve({
          execute: ({ members, ended }) => {
            for (const member of members) {
              log.push(`${name} runs ${member.node.id}`);
              ended(member, ok({ cost: NO_COST, tools: {}, facts: {} }));
            }
            return Promise.resolve();
          },
          close: () => Promise.resolve(void log.push(`${name} closed`)),
        });
      },
    });
    return { all: new Executors([atHand("typescript"), atHand("python")]), log };
  }

  const NO_COST = {
    seconds: 0,
    gpu_seconds: 0,
    peak_memory_bytes: null,
    peak_gpu_memory_bytes: null,
  };

  async function run(all: Executors, target: string): Promise<string> {
    const stage = { paths: {}, keepAside: () => Promise.resolve(null), discard: async () => {} };
    const node = nodeOf(graph, target);
    const member: ExecutionMember = { node, key: digestOf(target), stage, partial: null };
    let outcome = "never ended";
    const request: ExecutionRequest = {
      members: [member],
      batch: null,
      lease: { cpu: 1, gpus: [] },
      log: "",
      emit: () => undefined,
      signal: new AbortController().signal,
      ended: (_member, ended) => (outcome = ended.ok ? "ran" : ended.error.message),
    };
    await all.execute(request);
    return outcome;
  }

  it("open for their first job, get the jobs of their runtime, and close what they opened", async () => {
    const { all, log } = executors([]);
    expect(await run(all, "scores")).toBe("ran");
    expect(await run(all, "scores")).toBe("ran");
    await all.close();
    await all.close();
    expect(log).toEqual([
      "python opened",
      "python runs scores",
      "python runs scores",
      "python closed",
    ]);
    expect(await run(all, "text")).toBe("ran");
    expect(log.slice(4)).toEqual(["typescript opened", "typescript runs text"]);
    expect(all.logPath(nodeOf(graph, "scores"))).toBe("python/scores.log");
  });

  it("fail a job that none of them takes", async () => {
    const { all, log } = executors([]);
    expect(await run(all, "model")).toBe(
      "No executor takes it: it needs a GPU and this machine shows none",
    );
    expect(all.logPath(nodeOf(graph, "model"))).toBeNull();
    expect(log).toEqual([]);
  });
});

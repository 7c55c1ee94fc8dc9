import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildGraph } from "../../src/graph/build-graph.ts";
import { differing, idOf, relocate, union, type Declared } from "../../src/graph/variant.ts";
import { describeAction, actionKey } from "../../src/keys/describe.ts";
import type { ActionDeclaration } from "../../src/model/declaration.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import type { ActionNode } from "../../src/graph/graph.ts";
import { runs } from "../rig/wide.ts";
import { valueOf } from "./support/results.ts";

/** Any acyclic build: action n makes n/out and perhaps n/more, from sources and earlier actions. */
interface Step {
  readonly param: number;
  readonly reads: readonly number[];
  readonly two: boolean;
}

const declared = (steps: readonly (Step | null)[]): Declared => ({
  environments: [],
  defaults: [],
  actions: steps.flatMap((step, n): ActionDeclaration[] => {
    if (step === null) return [];
    const reads = [...new Set(step.reads.map((k) => k % (n + 1)))].filter((k) => k < n).sort();
    return [
      {
        op: { runtime: "typescript", module: "op.ts" },
        params: { value: step.param, reads: reads.map((k) => `${k}/out`) },
        inputs: {
          source: { path: `source/${n}`, kind: "file" },
          ...Object.fromEntries(
            reads.map((k) => [`in${k}`, { path: `${k}/out`, kind: "file" as const }]),
          ),
        },
        outputs: {
          out: { path: `${n}/out`, kind: "file", keep: "committed" },
          ...(step.two
            ? { more: { path: `${n}/more`, kind: "file", keep: "local" } as const }
            : {}),
        },
        resources: { cpu: 0, gpu: 0 },
      },
    ];
  }),
});

const step = fc.record({
  param: fc.nat(2),
  reads: fc.array(fc.nat(9), { maxLength: 3 }),
  two: fc.boolean(),
});
/** A build, and the same with some steps changed or left out. */
const pair = fc
  .array(fc.tuple(step, fc.option(step, { freq: 3 }), fc.boolean()), { maxLength: 9 })
  .map(
    (rows) =>
      [
        declared(rows.map(([before]) => before)),
        declared(rows.map(([before, after, same]) => (same ? before : after))),
      ] as const,
  );

/** The key of every action, as if each made something that only its key decides. */
function keys(build: Declared): ReadonlyMap<string, Digest> {
  const found = new Map<string, Digest>();
  for (const node of valueOf(buildGraph(build)).actions) {
    const inputs: Record<string, Digest> = {};
    for (const { role, path, producer } of node.inputs) {
      const from = producer === null ? "source" : (found.get(producer.action.id) ?? "");
      inputs[role] = digestOfBytes(`${path} ${from}`);
    }
    const source = { version: 1, code: null, sources: {} };
    found.set(node.id, actionKey(describeAction(node, inputs, source, null)));
  }
  return found;
}

const moved = (plain: Declared, other: Declared) => {
  const roots = new Map([...differing(plain, other)].map((id) => [id, "tmp/x=1"]));
  return relocate(other, roots);
};

describe("a variant", () => {
  it("publishes below its root exactly what has another key than the plain action of that name", () => {
    fc.assert(
      fc.property(pair, ([plain, other]) => {
        const [before, after] = [keys(plain), keys(other)];
        const differ = differing(plain, other);
        for (const [id, key] of after) {
          const two = (build: Declared): string =>
            JSON.stringify(build.actions.find((action) => idOf(action) === id)?.outputs);
          expect(differ.has(id)).toBe(before.get(id) !== key || two(plain) !== two(other));
        }
      }),
      { numRuns: runs(500) },
    );
  });

  it("never makes what the plain build makes otherwise, and reads what it made itself", () => {
    fc.assert(
      fc.property(pair, ([plain, other]) => {
        const variant = moved(plain, other);
        const graph = valueOf(buildGraph(variant)); // no clash, no cycle
        const published = valueOf(buildGraph(plain)).byOutput;
        const [before, after] = [keys(plain), keys(variant)];
        for (const [path, { action }] of graph.byOutput) {
          const same = published.get(path)?.action;
          if (same === undefined) expect(path.startsWith("tmp/x=1/")).toBe(true);
          else expect(after.get(action.id)).toBe(before.get(same.id));
        }
        // The shape stays: who reads what, and params that name a file name the one that is read.
        for (const node of graph.actions) {
          const read = filesRead(node);
          expect(node.declaration.params["reads"]).toEqual(read);
          if (!node.id.startsWith("tmp/"))
            expect(read.every((path) => !path.startsWith("tmp/"))).toBe(true);
        }
        expect(graph.actions).toHaveLength(other.actions.length);
      }),
      { numRuns: runs(500) },
    );
  });

  it("that changes nothing is the plain build", () => {
    fc.assert(
      fc.property(pair, ([plain]) => {
        expect(differing(plain, structuredClone(plain))).toEqual(new Set());
        expect(union([plain, structuredClone(plain)])?.actions).toEqual(plain.actions);
      }),
    );
  });

  it("can be built together with the plain build", () => {
    fc.assert(
      fc.property(pair, ([plain, other]) => {
        const both = union([plain, moved(plain, other)]);
        if (both === null) throw new Error("environments differ");
        const graph = valueOf(buildGraph(both));
        const paths = [...plain.actions, ...moved(plain, other).actions].map(idOf);
        expect(new Set(graph.actions.map(({ id }) => id))).toEqual(new Set(paths));
      }),
    );
  });

  it("leaves resources and coordinates out of account, and environments in", () => {
    const [base] = declared([{ param: 1, reads: [], two: false }]).actions;
    if (base === undefined) throw new Error("declared nothing");
    const python = { ...base, op: { runtime: "python", name: "x", environment: "e" } } as const;
    const environment = { name: "e", requirements: "r", lock: "l" };
    const plain: Declared = { actions: [python], environments: [environment], defaults: [] };
    const actions = [{ ...python, resources: { cpu: 0, gpu: 1 }, coordinates: { a: "b" } }];
    expect(differing(plain, { ...plain, actions })).toEqual(new Set());
    const environments = [{ ...environment, variables: { A: "1" } }];
    expect(differing(plain, { ...plain, environments })).toEqual(new Set(["0/out"]));
    expect(union([plain, { ...plain, environments }])).toBeNull();
  });
});

const filesRead = (node: ActionNode): readonly string[] =>
  node.inputs.flatMap(({ path, role }) => (role === "source" ? [] : [path]));

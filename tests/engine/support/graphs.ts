import { buildGraph } from "../../../src/graph/build-graph.ts";
import type { ActionNode, Graph } from "../../../src/graph/graph.ts";
import { select, type Selection } from "../../../src/graph/select.ts";
import type {
  ActionDeclaration,
  BatchDeclaration,
  ExpectedCost,
  InputDeclaration,
  OutputDeclaration,
} from "../../../src/model/declaration.ts";
import type { JsonObject } from "../../../src/model/json.ts";
import { defined, valueOf } from "./results.ts";

/** An action in few words: paths are files, outputs are committed, the op is a TypeScript one. */
export interface Sketch {
  readonly makes: string | Readonly<Record<string, OutputDeclaration>>;
  readonly from?: readonly string[] | Readonly<Record<string, InputDeclaration>>;
  readonly op?: string;
  readonly python?: string;
  readonly params?: JsonObject;
  readonly gpu?: number;
  readonly cpu?: number;
  readonly upToGpus?: number;
  readonly memoryBytes?: number;
  readonly seconds?: number;
  readonly batch?: BatchDeclaration;
  readonly expected?: ExpectedCost;
  /** Line of its declaration. */
  readonly line?: number;
}

export const committed = (path: string, kind: "file" | "folder" = "file"): OutputDeclaration => ({
  path,
  kind,
  keep: "committed",
});

export const local = (path: string, kind: "file" | "folder" = "file"): OutputDeclaration => ({
  path,
  kind,
  keep: "local",
});

/** With a list of inputs, the role of each is its path. */
export function action(sketch: Sketch): ActionDeclaration {
  const inputs: Record<string, InputDeclaration> = {};
  if (Array.isArray(sketch.from)) {
    for (const path of sketch.from as readonly string[]) inputs[path] = { path, kind: "file" };
  } else {
    Object.assign(inputs, sketch.from);
  }
  return {
    op:
      sketch.python === undefined
        ? { runtime: "typescript", module: sketch.op ?? "ops/copy.ts" }
        : { runtime: "python", name: sketch.op ?? "copy", environment: sketch.python },
    params: sketch.params ?? {},
    inputs,
    outputs: typeof sketch.makes === "string" ? { out: committed(sketch.makes) } : sketch.makes,
    resources: {
      ...{ cpu: sketch.cpu ?? 1, gpu: sketch.gpu ?? 0 },
      ...(sketch.upToGpus === undefined ? {} : { upToGpus: sketch.upToGpus }),
      ...(sketch.memoryBytes === undefined ? {} : { memoryBytes: sketch.memoryBytes }),
      ...(sketch.seconds === undefined ? {} : { seconds: sketch.seconds }),
    },
    ...(sketch.batch === undefined ? {} : { batch: sketch.batch }),
    ...(sketch.expected === undefined ? {} : { expected: sketch.expected }),
    ...(sketch.line === undefined ? {} : { declaredAt: { file: "Aqmfile.ts", line: sketch.line } }),
  };
}

export const graphOf = (...sketches: readonly Sketch[]): Graph =>
  valueOf(buildGraph({ actions: sketches.map(action), defaults: [] }));

export const nodeOf = (graph: Graph, path: string): ActionNode =>
  defined(graph.byOutput.get(path)).action;

export const selectAll = (graph: Graph): Selection => valueOf(select(graph, [], () => () => false));

export const selectPaths = (graph: Graph, ...paths: readonly string[]): Selection =>
  valueOf(select(graph, paths, () => () => false));

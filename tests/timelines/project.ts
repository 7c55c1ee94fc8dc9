import { buildGraph } from "../../src/graph/build-graph.ts";
import type { ActionNode, Graph } from "../../src/graph/graph.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import type { InputDeclaration, OutputDeclaration } from "../../src/model/declaration.ts";
import type { JsonObject } from "../../src/model/json.ts";
import { recordPath } from "../../src/model/record.ts";
import { regionOf, regionPath } from "../../src/model/region.ts";
import type { ActionDescription } from "../../src/model/record.ts";
import { digestOf, type Content } from "../engine/support/content.ts";
import { action, type Sketch } from "../engine/support/graphs.ts";
import { defined, valueOf } from "../engine/support/results.ts";
import type { Defect, Shape } from "./timeline.ts";

/** Sources that can be edited; what lies in `big/` is not held by Git and has to be obtained. */
export const FILES = [
  "s0",
  "in/a.txt",
  "in/deep/new.md",
  "in/deep/c.txt",
  "in/b.md",
  "in/new.txt",
  "s1",
  "big/s2",
  "in/deep/er/d.md",
  "big/in/x.txt",
] as const;

/** On the way to them. */
export const FOLDERS = ["in", "in/deep", "in/deep/er", "big", "big/in"] as const;

/** What actions can read of them. */
const SOURCES: readonly InputDeclaration[] = [
  { path: "s0", kind: "file" },
  { path: "in", kind: "folder" },
  { path: "in", kind: "folder", include: ["*.txt"] },
  { path: "in", kind: "folder", include: ["deep/**", "*.md"] },
  { path: "s1", kind: "file" },
  { path: "big/s2", kind: "file", obtain: "ask for it" },
  { path: "big/in", kind: "folder", include: ["**/*.txt"], obtain: "ask for it" },
];

/** Where the regions of all actions are. */
export const DOCUMENT = "out0/doc.md";

/** Where params and op versions are written down, as an Aqmfile and what it reads would be. */
export const AQMFILE = "Aqmfile";

export interface Declared {
  readonly params: Readonly<Record<number, number>>;
  readonly versions: Readonly<Record<number, number>>;
}

export type Outputs = Readonly<Record<string, Content>>;

/** The actions of a timeline, what they compute, and everything that was ever written by anybody. */
export class Project {
  readonly shapes: readonly Shape[];
  readonly outputs: readonly OutputDeclaration[];
  /** Their names in the document. */
  readonly regions: readonly string[];
  readonly broken = new Map<number, Defect>();
  /** Every content that was ever anywhere, so that records can be read. */
  readonly #contents = new Map<Digest, Content>();
  /** What finished runs wrote, by everything that they depended on and really read. */
  readonly #made = new Map<string, Set<string>>();
  #nonce = 0;
  #runs = 0;

  constructor(shapes: readonly Shape[]) {
    this.shapes = shapes;
    this.outputs = shapes.flatMap((shape, index) => Object.values(outputsOf(shape, index)));
    this.regions = this.outputs.flatMap(({ path, kind }) =>
      kind === "region" ? [regionOf(path).id] : [],
    );
  }

  /** What its first output is called. */
  targetOf = (index: number): string =>
    defined(outputsOf(defined(this.shapes[index]), index)["r0"]).path;

  graph(declared: Declared): Graph {
    const places: InputDeclaration[] = [...SOURCES];
    const local = new Set<string>();
    const sketches = this.shapes.map((shape, index): Sketch => {
      const from: Record<string, InputDeclaration> = {};
      for (const read of shape.reads) {
        const index = read < 100 ? read % places.length : places.length - 1 - ((read - 100) % 3);
        const place = defined(places[index]);
        const sure = place.kind !== "file" || "obtain" in place || local.has(place.path);
        const perhaps = shape.optional === true && !sure;
        from[`${place.path} ${place.include?.join(" ") ?? ""}`.trim()] = perhaps
          ? { ...place, optional: true }
          : place;
      }
      for (const read of shape.records ?? []) {
        if (index === 0) continue;
        const target = this.targetOf(index - 1 - (read % index));
        from[`record of ${target}`] = {
          path: recordPath(target),
          kind: "record",
          recordOf: target,
          optional: true,
        };
      }
      const makes = outputsOf(shape, index);
      for (const { path, kind, keep } of Object.values(makes)) {
        if (kind !== "region") places.push({ path, kind });
        if (keep === "local") local.add(path);
      }
      const params = { value: declared.params[index] ?? 0 };
      return { makes, from, op: `op${index}`, params, gpu: shape.gpu ? 1 : 0 };
    });
    return valueOf(buildGraph({ actions: sketches.map(action), defaults: [] }));
  }

  /** What the op writes for these inputs: pure, but for ops that are not. */
  compute(node: ActionNode, version: number, inputs: Outputs, nonce = ""): Outputs {
    return this.#compute(indexOf(node.id), node.declaration.params, version, inputs, nonce);
  }

  #compute(
    index: number,
    params: JsonObject,
    version: number,
    inputs: Outputs,
    nonce: string,
  ): Outputs {
    const shape = defined(this.shapes[index]);
    const text = JSON.stringify([
      params,
      version,
      Object.entries(inputs).sort().map(digestOfEntry),
    ]);
    const number = Number.parseInt(digestOfBytes(text).slice(7, 17), 16) % shape.grain;
    const outputs: Record<string, Content> = {};
    for (const [role, { path, kind }] of Object.entries(outputsOf(shape, index))) {
      // Always of the same size, so that sizes tell nothing.
      const line = `${path}:${String(number).padStart(7, "0")}${nonce}`;
      outputs[role] =
        kind === "file"
          ? line
          : kind === "region"
            ? `${line}\n\n\tone more line\n`
            : number % 2 === 0
              ? { "a.txt": line, "even/b.txt": "the same" }
              : { "a.txt": line, "odd.txt": "the same" };
    }
    return outputs;
  }

  /** A run that really happens: it may fail, and is remembered. */
  run(node: ActionNode, version: number, inputs: Outputs): Outputs | Defect {
    const index = indexOf(node.id);
    const broken = this.broken.get(index);
    if (broken !== undefined) return broken;
    const nonce = this.isSteady(node.id) ? "" : `#${String(this.#nonce++).padStart(4, "0")}`;
    const outputs = this.compute(node, version, inputs, nonce);
    for (const content of [...Object.values(inputs), ...Object.values(outputs)]) this.know(content);
    const key = JSON.stringify([index, node.declaration.params, version, digestsOf(inputs)]);
    const made = this.#made.get(key) ?? new Set();
    this.#made.set(key, made.add(digestsOf(outputs)));
    return outputs;
  }

  /** Whether a run of this description has really read that and written this. */
  happened(target: string, { op, params, inputs }: ActionDescription, outputs: Digests): boolean {
    const there = Object.entries(inputs).filter(([, digest]) => digest !== "absent");
    const read = there.sort().join();
    const key = JSON.stringify([indexOf(target), params, op.version, read]);
    return this.#made.get(key)?.has(Object.entries(outputs).sort().join()) === true;
  }

  /** What is recorded of a run besides what it made: not always what it was the time before. */
  weather = (): number => this.#runs++ % 3;

  isBroken = (id: string): boolean => this.broken.has(indexOf(id));

  /** False when it writes something else each time. */
  isSteady = (id: string): boolean => !defined(this.shapes[indexOf(id)]).nonce;

  know(content: Content): void {
    this.#contents.set(digestOf(content), content);
  }

  contentOf(digest: Digest | undefined): Content | null {
    return digest === undefined ? null : (this.#contents.get(digest) ?? null);
  }
}

type Digests = Readonly<Record<string, Digest>>;

const digestOfEntry = ([role, content]: [string, Content]): [string, Digest] => [
  role,
  digestOf(content),
];
const digestsOf = (contents: Outputs): string =>
  Object.entries(contents).map(digestOfEntry).sort().join();

export const indexOf = (id: string): number => Number(/^out\d\/(?:doc\.md#)?o(\d+)/.exec(id)?.[1]);

/** Two folders, so that there is more than one for records and for losing as a whole. */
function outputsOf({ outputs }: Shape, index: number): Record<string, OutputDeclaration> {
  return Object.fromEntries(
    outputs.map(({ kind, local }, n) => [
      `r${n}`,
      kind === "region"
        ? { path: regionPath({ file: DOCUMENT, id: `o${index}.${n}` }), kind, keep: "committed" }
        : { path: `out${index % 2}/o${index}.${n}`, kind, keep: local ? "local" : "committed" },
    ]),
  );
}

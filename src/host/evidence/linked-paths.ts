import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ActionNode, Graph, GraphInput } from "../../graph/graph.ts";
import { includeFilter, mayMatchBelow } from "../../graph/include.ts";
import type { Failure } from "../../model/failure.ts";
import { foldersAbove, onceForEachFolder, parentOf } from "../../model/folders.ts";

interface Place {
  readonly path: string;
  readonly real: string;
  readonly node: ActionNode;
}

/**
 * Declared paths that lead to the same file by way of a link: the graph takes them for two, and would build a
 * consumer before what it reads. Looks at each folder above a declared path, and each source, once; where
 * none of them is a link, which is the rule, that is all.
 */
export function linkedTwins(root: string, graph: Graph): readonly Failure[] {
  const places = new RealPlaces(root);
  if (!places.anyLink(graph)) return [];
  const outputs = new Map<string, Place & { readonly kind: string }>();
  const failures: Failure[] = [];
  for (const node of graph.actions) {
    for (const { path, kind } of Object.values(node.declaration.outputs)) {
      // A link in the place of an output itself is replaced, not followed.
      const real = join(places.of(dirname(path)), basename(path));
      const other = outputs.get(real);
      if (other === undefined) outputs.set(real, { path, real, node, kind });
      else failures.push(twins(`The output ${path}`, other.path, node));
    }
  }
  const sources = graph.actions.flatMap((node) =>
    node.inputs
      .filter(({ producer }) => producer === null)
      .map((input) => ({ input, path: input.path, real: places.of(input.path), node })),
  );
  for (const [real, output] of outputs) {
    const around = enclosing(real, outputs);
    if (around !== undefined && !output.path.startsWith(`${around.path}/`)) {
      failures.push(twins(`The output ${output.path}`, around.path, output.node));
    }
  }
  for (const { path, real, node } of sources) {
    const output = outputs.get(real) ?? enclosing(real, outputs);
    if (output !== undefined) failures.push(twins(`The input ${path}`, output.path, node));
  }
  for (const { input, path, real, node } of sources) {
    if (input.kind !== "folder") continue;
    for (const output of outputs.values()) {
      if (output.path.startsWith(`${path}/`) || !output.real.startsWith(`${real}/`)) continue;
      if (takes(input, output.real.slice(real.length + 1), output.kind))
        failures.push(twins(`The input ${path}`, output.path, node));
    }
  }
  return failures;
}

const takes = ({ include }: GraphInput, inside: string, kind: string): boolean =>
  includeFilter(include)(inside) || (kind === "folder" && mayMatchBelow(include, inside));

function enclosing<T>(real: string, outputs: ReadonlyMap<string, T>): T | undefined {
  for (const folder of foldersAbove(real)) {
    const found = outputs.get(folder);
    if (found !== undefined) return found;
  }
  return undefined;
}

const twins = (what: string, other: string, node: ActionNode): Failure => ({
  reason: "overlapping_output",
  message: `${what} and the output ${other} are the same place: a folder or file on the way is a link`,
  nextStep: "Declare both by the same path, and take what is made with from(…).",
  target: node.id,
  ...(node.declaration.declaredAt === undefined ? {} : { place: node.declaration.declaredAt }),
});

/** Where workspace-relative paths really are; each folder is looked at once. */
class RealPlaces {
  readonly #known = new Map<string, string>();
  /** What is at a path, and whether a link is on the way: then the rest does not matter. */
  readonly #kind: (path: string) => "there" | "absent" | "linked";

  constructor(root: string) {
    this.#kind = onceForEachFolder<"there" | "absent" | "linked">("there", (path, around) => {
      if (around !== "there") return around; // nothing can be in a folder that is not there
      const stat = look(`${root}/${path}`);
      return stat === undefined ? "absent" : stat.isSymbolicLink() ? "linked" : "there";
    });
    this.#known.set(".", fs.realpathSync.native(root));
  }

  /** Whether a folder above a declared path, or a source, is a link. */
  anyLink(graph: Graph): boolean {
    return graph.actions.some(
      ({ declaration, inputs }) =>
        Object.values(declaration.outputs).some(({ path }) => this.#isLinked(parentOf(path))) ||
        inputs.some(({ path, producer }) => producer === null && this.#isLinked(path)),
    );
  }

  #isLinked(path: string): boolean {
    return this.#kind(path) === "linked";
  }

  of(path: string): string {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const plain = join(this.of(dirname(path)), basename(path));
    const real = look(plain)?.isSymbolicLink() === true ? (realOf(plain) ?? plain) : plain;
    this.#known.set(path, real);
    return real;
  }
}

function look(path: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function realOf(path: string): string | null {
  try {
    return fs.realpathSync.native(path);
  } catch {
    return null; // leads nowhere, or in a circle: whoever reads it will say so
  }
}

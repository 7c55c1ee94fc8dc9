import { basename, dirname, join } from "node:path";
import type { ActionNode, Graph, GraphInput } from "../../graph/graph.ts";
import { includeFilter, mayMatchBelow } from "../../graph/include.ts";
import type { Failure } from "../../model/failure.ts";
import { foldersAbove, parentOf } from "../../model/folders.ts";
import type { Ways } from "./ways.ts";

interface Place {
  readonly path: string;
  readonly real: string;
  readonly node: ActionNode;
}

/**
 * Declared paths that lead to the same file by way of a link: the graph takes them for two, and would build a
 * consumer before what it reads. Looks at each folder above a declared path, and each source, once; where
 * none of them is a link, which is the rule, that is all.
 *
 * @param root absolute path of the workspace, without links
 */
export function linkedTwins(root: string, graph: Graph, ways: Ways): readonly Failure[] {
  if (!lookAtWays(root, graph, ways)) return [];
  const realOf = (path: string): string => ways.realOf(join(root, path));
  const outputs = new Map<string, Place & { readonly kind: string }>();
  const failures: Failure[] = [];
  for (const node of graph.actions) {
    for (const { path, kind } of Object.values(node.declaration.outputs)) {
      // A link in the place of an output itself is replaced, not followed.
      const real = join(realOf(dirname(path)), basename(path));
      const other = outputs.get(real);
      if (other === undefined) outputs.set(real, { path, real, node, kind });
      else failures.push(twins(`The output ${path}`, other.path, node));
    }
  }
  const sources = graph.actions.flatMap((node) =>
    node.inputs
      .filter(({ producer }) => producer === null)
      .map((input) => ({ input, path: input.path, real: realOf(input.path), node })),
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

/**
 * Looks at every declared path: an answer depends on each of them.
 *
 * @returns whether a folder above a declared path, or a source, is a link
 */
function lookAtWays(root: string, graph: Graph, ways: Ways): boolean {
  let anyLink = false;
  const look = (path: string): void => {
    const place = path === "" ? root : `${root}/${path}`;
    if (ways.realOf(place) !== place) anyLink = true;
  };
  for (const { declaration, inputs } of graph.actions) {
    for (const { path } of Object.values(declaration.outputs)) look(parentOf(path));
    for (const { path, producer } of inputs) if (producer === null) look(path);
  }
  return anyLink;
}

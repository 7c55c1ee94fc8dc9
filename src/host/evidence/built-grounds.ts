import { basename, dirname, join, relative } from "node:path";
import type { Graph } from "../../graph/graph.ts";
import type { Failure } from "../../model/failure.ts";
import { fileOf } from "../../model/region.ts";
import type { Evidence } from "./evidence.ts";

/** What decides a graph, or could: files and folders, and where links among them lead. */
export class Grounds {
  readonly #paths = new Set<string>();
  /** All that lies around them. */
  readonly #around = new Set<string>();

  /** @param paths absolute */
  constructor({ grounds, realGrounds }: Evidence, paths: Iterable<string>) {
    for (const list of [grounds.paths, realGrounds, paths])
      for (const path of list) {
        this.#paths.add(path);
        for (let at = dirname(path); !this.#around.has(at); at = dirname(at)) this.#around.add(at);
      }
  }

  /** The ground that something at this path would replace, or that would lie in it; null where there is none. */
  at(path: string): string | null {
    if (this.#paths.has(path)) return path;
    if (!this.#around.has(path)) return null;
    for (const ground of this.#paths) if (ground.startsWith(`${path}/`)) return ground;
    return null;
  }
}

/**
 * Outputs at the place of what decides the graph: the op that makes them, a module of the Aqmfile, a lock file. What
 * is built then would be another graph, or none. The place counts, not the path by which it is declared.
 */
export function builtGrounds(
  root: string,
  graph: Graph,
  grounds: Grounds,
  { ways }: Pick<Evidence, "ways">,
): readonly Failure[] {
  const failures: Failure[] = [];
  for (const node of graph.actions) {
    for (const output of Object.values(node.declaration.outputs)) {
      const path = join(root, fileOf(output));
      // A link in the place of an output itself is replaced, not followed.
      const real = join(ways.realOf(dirname(path)), basename(path));
      const ground = grounds.at(path) ?? (real === path ? null : grounds.at(real));
      if (ground === null) continue;
      failures.push({
        reason: "overlapping_output",
        message: `The output ${output.path} ${ground === path || ground === real ? "lies at the place of" : "holds"} ${relative(root, ground)}, which is read before anything is built`,
        nextStep: "Give the output another path: it would replace what it is made by.",
        target: node.id,
        ...(node.declaration.declaredAt === undefined
          ? {}
          : { place: node.declaration.declaredAt }),
      });
    }
  }
  return failures;
}

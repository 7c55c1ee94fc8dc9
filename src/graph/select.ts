import type { Failure } from "../model/failure.ts";
import { foldersAbove } from "../model/folders.ts";
import { nearestName } from "../model/nearest-name.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { ActionNode, Graph } from "./graph.ts";

export interface Selection {
  /** What was asked for. */
  readonly requested: ReadonlySet<ActionNode>;
  /** Output paths that were named exactly; even a `local` output must then be present. */
  readonly exact: ReadonlySet<string>;
  /** The requested actions and all that they are made from, in topological order. */
  readonly needed: readonly ActionNode[];
}

/** Matches a pattern with glob characters against a path; the caller brings the glob library. */
export type GlobMatcher = (pattern: string) => (path: string) => boolean;

/** A path of an output, a folder that holds outputs, or a glob over output paths. */
export function select(
  graph: Graph,
  targets: readonly string[],
  globMatcher: GlobMatcher,
): Result<Selection, readonly Failure[]> {
  const requested = new Set<ActionNode>();
  const exact = new Set<string>();
  const failures: Failure[] = [];
  const asked = targets.length > 0 ? targets : graph.defaults;
  for (const target of asked) {
    const wanted = normalise(target);
    const output = graph.byOutput.get(wanted);
    if (output !== undefined) {
      requested.add(output.action);
      exact.add(wanted);
      continue;
    }
    const matches = isGlob(wanted) ? globMatcher(wanted) : insideOf(wanted);
    let found = false;
    for (const [path, { action }] of graph.byOutput) {
      if (!matches(path)) continue;
      requested.add(action);
      found = true;
    }
    if (!found) failures.push(unknownTarget(graph, target));
  }
  if (failures.length > 0) return err(failures);
  if (asked.length === 0) for (const action of graph.actions) requested.add(action);
  return ok({ requested, exact, needed: upstreamOf(requested) });
}

export const isGlob = (text: string): boolean => /[*?[\]{}!]/.test(text);

/** The given actions and everything they are made from, in topological order. */
export function upstreamOf(requested: Iterable<ActionNode>): readonly ActionNode[] {
  const needed = new Set<ActionNode>();
  const pending = [...requested];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs)
      if (input.producer !== null) pending.push(input.producer.action);
  }
  return [...needed].sort((a, b) => a.index - b.index);
}

const normalise = (target: string): string =>
  target
    .replace(/^(\.\/)+/, "")
    .replace(/\/+$/, "")
    .replace(/\/{2,}/g, "/");

const insideOf = (folder: string) => (path: string) =>
  folder === "" || folder === "." || path.startsWith(`${folder}/`);

function unknownTarget(graph: Graph, target: string): Failure {
  const names = new Set<string>();
  for (const path of graph.byOutput.keys()) {
    names.add(path);
    for (const folder of foldersAbove(path)) names.add(folder);
  }
  const nearest = nearestName(normalise(target), names);
  return {
    reason: "unknown_target",
    message: `No rule makes ${target}`,
    target,
    nextStep: nearest === undefined ? "`aqm list` shows every target." : `Did you mean ${nearest}?`,
  };
}

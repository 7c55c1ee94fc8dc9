import type { Failure } from "../model/failure.ts";
import { foldersAbove } from "../model/folders.ts";
import { nearestName } from "../model/nearest-name.ts";
import { regionOf } from "../model/region.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { ActionNode, Graph } from "./graph.ts";

export interface Selection {
  /** What was asked for. */
  readonly requested: ReadonlySet<ActionNode>;
  /** Output paths that were named exactly; even a `local` output must then be present. */
  readonly exact: ReadonlySet<string>;
  /** The requested actions and all that they are made from, in topological order. */
  readonly needed: readonly ActionNode[];
  /** Actions that run although they are fresh; none where this is absent. */
  readonly rerun?: ReadonlySet<ActionNode>;
  /** What was asked for as well and is not made: path → why. */
  readonly skipped: ReadonlyMap<string, string>;
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
  const skipped = new Map<string, string>();
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
    for (const [path, { action, role }] of graph.byOutput) {
      const isPart = action.declaration.outputs[role]?.kind === "region";
      if (!matches(path) && !(isPart && regionOf(path).file === wanted)) continue;
      requested.add(action);
      found = true;
    }
    const named = skippedAs(graph, wanted);
    if (named !== undefined) {
      failures.push(skippedTarget(target, named));
      continue;
    }
    const left = skippedBy(graph, wanted, matches, globMatcher);
    for (const [path, because] of left) skipped.set(path, because);
    if (found) continue;
    const wrong = mistyped(graph, target);
    if (left.size === 0 || wrong !== null)
      failures.push(unknownTarget(graph, target, wrong?.nearest));
  }
  if (failures.length > 0) return err(failures);
  if (asked.length === 0) {
    for (const action of graph.actions) requested.add(action);
    for (const [path, because] of graph.skipped) skipped.set(path, because);
  }
  return ok({ requested, exact, needed: upstreamOf(requested), skipped });
}

/** Why what was named exactly, or the folder that it would be in, is skipped. */
function skippedAs(graph: Graph, wanted: string): string | undefined {
  if (graph.skipped.size === 0) return undefined;
  const around = [wanted, ...foldersAbove(wanted)].find((path) => graph.skipped.has(path));
  return around === undefined ? undefined : graph.skipped.get(around);
}

/** What of the skipped lies in a folder, or matches a glob. */
function skippedBy(
  graph: Graph,
  wanted: string,
  matches: (path: string) => boolean,
  globMatcher: GlobMatcher,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (graph.skipped.size === 0) return found;
  // The files of a skipped folder have no names, so a glob for files is taken up to its last slash.
  const slash = isGlob(wanted) ? wanted.lastIndexOf("/") : -1;
  const matchesFolder = slash < 0 ? () => false : globMatcher(wanted.slice(0, slash));
  for (const [path, because] of graph.skipped) {
    if (matches(path) || matchesFolder(path)) found.set(path, because);
  }
  return found;
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
      if (input.producer !== null && input.optional !== true) pending.push(input.producer.action);
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

const skippedTarget = (target: string, because: string): Failure => ({
  reason: "skipped_target",
  message: `${target} is skipped: ${because}`,
  target,
  nextStep: "Ask for something else; `aqm list` shows what can be built and what is skipped.",
});

/**
 * The name of a file that ends a glob and that no output has, for `models/**\/reprot.md`. Skipped folders seem to
 * hold such files, since the files of a skipped folder have no names.
 */
function mistyped(graph: Graph, target: string): { readonly nearest: string | undefined } | null {
  const last = nameOf(normalise(target));
  if (!isGlob(target) || last === "" || isGlob(last)) return null;
  const names = new Set<string>([...graph.byOutput.keys()].map(nameOf));
  return names.has(last) ? null : { nearest: nearestName(last, names) };
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** @param last the nearest name to one that ends a glob */
function unknownTarget(graph: Graph, target: string, last: string | undefined): Failure {
  const names = new Set<string>();
  for (const path of graph.byOutput.keys()) {
    names.add(path);
    for (const folder of foldersAbove(path)) names.add(folder);
  }
  const slash = target.lastIndexOf("/") + 1;
  const nearest =
    last === undefined ? nearestName(normalise(target), names) : target.slice(0, slash) + last;
  return {
    reason: "unknown_target",
    message: `No rule makes ${target}`,
    target,
    nextStep: nearest === undefined ? "`aqm list` shows every target." : `Did you mean ${nearest}?`,
  };
}

import { foldersAbove } from "../model/folders.ts";
import { regionOf } from "../model/region.ts";
import type { ActionNode, Graph } from "./graph.ts";

/** An output, and where a folder of published files has it. */
export interface PublishedOutput {
  readonly path: string;
  readonly node: ActionNode;
  readonly role: string;
  readonly kind: "file" | "folder";
  /** Relative to the folder. */
  readonly published: string;
}

/** What the targets that were asked for make of what a folder holds. */
export interface PublishedMatch {
  /** The part of the workspace that the folder mirrors; empty for the whole workspace. */
  readonly base: string;
  readonly outputs: readonly PublishedOutput[];
  readonly unmade: readonly { readonly file: string; readonly because: string }[];
  /** Files that no target makes. */
  readonly unknown: readonly string[];
}

/** The places that a folder may mirror, given what was asked for: the workspace, and each folder down to it. */
export const basesFor = (asked: string): readonly string[] =>
  asked === "." || asked === "" ? [""] : ["", ...[...foldersAbove(asked)].reverse(), asked];

/** What lies behind `base` on the way to `asked`: empty where they are the same. */
export const belowBase = (base: string, asked: string): string =>
  base === "" ? (asked === "." ? "" : asked) : asked.slice(base.length + 1);

/**
 * Says of each file which output it is, by its place.
 *
 * @param requested what was asked for: other targets are passed over
 * @param files relative to the folder, those below what was asked for
 */
export function matchPublished(
  graph: Graph,
  requested: ReadonlySet<ActionNode>,
  base: string,
  files: readonly string[],
): PublishedMatch {
  const outputs = new Map<string, PublishedOutput>();
  const unmade: { file: string; because: string }[] = [];
  const unknown: string[] = [];
  const documents = new Set<string>();
  for (const [path, { action, role }] of graph.byOutput)
    if (action.declaration.outputs[role]?.kind === "region") documents.add(regionOf(path).file);
  for (const file of files) {
    const place = base === "" ? file : `${base}/${file}`;
    const path = [place, ...foldersAbove(place)].find((one) => graph.byOutput.has(one));
    const maker = path === undefined ? undefined : graph.byOutput.get(path);
    if (path === undefined || maker === undefined) {
      const around = [place, ...foldersAbove(place)].find((one) => graph.skipped.has(one));
      const because = around === undefined ? undefined : graph.skipped.get(around);
      if (because !== undefined) unmade.push({ file, because: `skipped here: ${because}` });
      else if (documents.has(place))
        unmade.push({ file, because: "people write this file; targets only fill its regions" });
      else unknown.push(file);
      continue;
    }
    const kind = maker.action.declaration.outputs[maker.role]?.kind;
    if (!requested.has(maker.action) || kind === undefined || kind === "region") continue;
    if (kind === "file" && path !== place) unknown.push(file);
    else
      outputs.set(path, {
        path,
        node: maker.action,
        role: maker.role,
        kind,
        published: base === "" ? path : path.slice(base.length + 1),
      });
  }
  return { base, outputs: inOrder([...outputs.values()]), unmade, unknown };
}

/** Producers first, so that what a file is made from is compared before it. */
export const inOrder = (outputs: readonly PublishedOutput[]): readonly PublishedOutput[] =>
  outputs.toSorted((a, b) => a.node.index - b.node.index || (a.path < b.path ? -1 : 1));

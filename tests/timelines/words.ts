import type { ActionNode } from "../../src/graph/graph.ts";
import type { FailureReason } from "../../src/model/failure.ts";
import { contentAt, digestOf } from "../engine/support/content.ts";
import { harmed, regionIn, writtenByHand } from "../engine/support/document.ts";
import type { MemoryWorkspace } from "../engine/support/memory.ts";
import type { Built } from "./play.ts";

/* Whether builds leave alone what a person wrote in a document with regions. */

/**
 * Outside of the regions each character stays, whatever the build did otherwise; what was written in a
 * region stays, too, unless the build was told to fill it, and then it is kept aside.
 */
export function wordsKept(built: Built, count: () => void): readonly string[] {
  const { documents, forced, project, world } = built;
  const { regions } = project;
  if (regions.length === 0) return [];
  return documents.flatMap(({ left, found }) => {
    if (left !== null || found !== null) count();
    const problems = [...harmed(left, found, regions)];
    for (const [id, words] of writtenByHand(left, regions)) {
      if (found !== null && regionIn(found, id) === words) continue;
      if (!forced) problems.push(`the region ${id} was filled over ${JSON.stringify(words)}`);
      else if (!world.keptAside().includes(words))
        problems.push(`${JSON.stringify(words)} of the region ${id} was not kept aside`);
    }
    return problems;
  });
}

/** Whether an action may refuse to fill its regions: only over words that nobody can have made. */
export function mayRefuse(
  { declaration }: ActionNode,
  reason: FailureReason,
  { before, forced }: Pick<Built, "before" | "forced">,
): boolean {
  return Object.values(declaration.outputs).some((output) => {
    if (output.kind !== "region") return false;
    const found = contentAt(before.files, output);
    if (reason === "region_damaged") return found instanceof Error;
    if (reason !== "region_edited" || forced || typeof found !== "string") return false;
    return !wasMade(output.path, digestOf(found), before);
  });
}

function wasMade(
  path: string,
  digest: string,
  { past, records, stored }: MemoryWorkspace,
): boolean {
  const known = [...past, ...records.values()];
  return (
    [...stored.keys()].some((one) => one === digest) ||
    known.some(({ outputs }) =>
      Object.values(outputs).some((output) => output.path === path && output.digest === digest),
    )
  );
}

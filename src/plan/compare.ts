import type { ActionNode } from "../graph/graph.ts";
import { sourceFile, type OpSource } from "../keys/describe.ts";
import { differences } from "../keys/difference.ts";
import type { Digest } from "../model/digest.ts";
import type { Json } from "../model/json.ts";
import type { ActionDescription, ActionRecord } from "../model/record.ts";
import type { Cause } from "../model/verdict.ts";
import type { Knowledge } from "./knowledge.ts";

/** Which absent outputs count as missing. */
export interface Demand {
  /** Every output must be in the workspace, because a consumer runs; says which. */
  readonly consumer: string | null;
  /** These outputs were asked for by name. */
  readonly exact: ReadonlySet<string>;
  /** The action runs although a result of its key is known. */
  readonly rerun?: boolean;
}

export interface WrongOutput {
  readonly cause: Cause;
  readonly digest: Digest;
}

/** Which outputs are not, or need not be, where a result has them. */
export function checkOutputs(
  node: ActionNode,
  result: ActionRecord,
  demand: Demand,
  knowledge: Knowledge,
): { readonly wrong: readonly WrongOutput[]; readonly absent: ReadonlySet<string> } {
  const wrong: WrongOutput[] = [];
  const absent = new Set<string>();
  for (const [role, output] of Object.entries(node.declaration.outputs)) {
    const recorded = result.outputs[role];
    if (recorded === undefined) throw new Error(`record of ${node.id} lacks the output ${role}`);
    const found = knowledge.observeOutput(output);
    if (found.state === "present") {
      if (found.digest === recorded.digest) continue;
      wrong.push({
        cause: {
          kind: "output_modified",
          path: output.path,
          recorded: recorded.digest,
          found: found.digest,
        },
        digest: recorded.digest,
      });
    } else if (
      output.keep === "local" &&
      demand.consumer === null &&
      !demand.exact.has(output.path)
    ) {
      absent.add(output.path);
    } else {
      wrong.push({
        cause: { kind: "output_missing", path: output.path },
        digest: recorded.digest,
      });
      if (demand.consumer !== null) {
        wrong.push({
          cause: { kind: "needed_by", consumer: demand.consumer },
          digest: recorded.digest,
        });
      }
    }
  }
  return { wrong, absent };
}

/** What people wrote in the regions that an action fills. */
export function regionEdits(
  node: ActionNode,
  knowledge: Knowledge,
): readonly Extract<Cause, { kind: "region_edited" }>[] {
  const recorded = knowledge.record(node)?.outputs;
  return Object.entries(node.declaration.outputs).flatMap(([role, output]) => {
    const fate = output.kind === "region" ? knowledge.regionEdit(node, output) : null;
    const found = fate === null ? null : knowledge.observeOutput(output);
    if (fate === null || found?.state !== "present") return [];
    const last = recorded?.[role]?.digest ?? null;
    const { path } = output;
    return [{ kind: "region_edited", path, recorded: last, found: found.digest, fate } as const];
  });
}

/** The fields in which the wanted description differs from the recorded one. */
export function explain(
  record: ActionRecord,
  description: ActionDescription,
  node: ActionNode,
  source: OpSource,
): readonly Cause[] {
  const before = record.action as unknown as Json;
  return differences(before, description as unknown as Json).map((difference) => {
    const [section, role] = difference.path;
    const path =
      section === "inputs"
        ? (node.inputs.find((input) => input.role === role)?.path ?? record.input_paths[role ?? ""])
        : section === "op" && role === "sources"
          ? sourceFile(source, difference.path[2] ?? "")
          : undefined;
    return {
      kind: "changed",
      field: difference.field,
      old: difference.old,
      new: difference.new,
      ...(path === undefined ? {} : { path }),
    };
  });
}

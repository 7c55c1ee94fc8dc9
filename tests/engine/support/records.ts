import type { ActionNode } from "../../../src/graph/graph.ts";
import { actionKey, describeAction } from "../../../src/keys/describe.ts";
import { digestOfBytes } from "../../../src/model/digest.ts";
import type { ActionRecord, OutputRecord } from "../../../src/model/record.ts";

/** A whole record of an action whose outputs have these contents, by role. */
export function recordOf(
  node: ActionNode,
  contents: Readonly<Record<string, string>> = { out: "content" },
  version = 1,
): ActionRecord {
  const inputs = Object.fromEntries(node.inputs.map(({ role }) => [role, digestOfBytes(role)]));
  const action = describeAction(node, inputs, { version, code: null, sources: {} }, null);
  const outputs: Record<string, OutputRecord> = {};
  for (const [role, { path }] of Object.entries(node.declaration.outputs)) {
    const content = contents[role] ?? "";
    outputs[role] = { path, digest: digestOfBytes(content), size: content.length };
  }
  return {
    schema: 1,
    target: node.id,
    key: actionKey(action),
    action,
    input_paths: Object.fromEntries(node.inputs.map(({ role, path }) => [role, path])),
    outputs,
    cost: { seconds: 2, gpu_seconds: 0, peak_memory_bytes: null, peak_gpu_memory_bytes: null },
    tools: { node: "20" },
    facts: {},
    audit: [],
  };
}

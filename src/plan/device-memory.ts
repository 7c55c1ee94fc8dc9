import type { ActionNode } from "../graph/graph.ts";
import type { EstimateCost } from "./estimate.ts";

/** What a process has on a device beside the tensors that were counted: its context, and what is kept in reserve. */
const CONTEXT_BYTES = 10 ** 9;

/**
 * Memory that a job of these members needs on each of its devices; null where nothing is known. It decides for what
 * other people's processes are waited, so where nobody has measured it, the least that a rule expects is taken.
 */
export function deviceMemoryNeeded(
  members: readonly ActionNode[],
  expected: EstimateCost,
): number | null {
  const needs = members.flatMap((node) => {
    const estimate = expected(node);
    const memory = estimate?.gpuMemoryBytes ?? null;
    if (estimate === null || memory === null) return [];
    const fullest = estimate.basis === "prior" ? memory.low : memory.likely;
    return [(fullest * estimate.gpus) / Math.max(1, node.declaration.resources.gpu)];
  });
  return needs.length === 0 ? null : Math.max(...needs) + CONTEXT_BYTES;
}

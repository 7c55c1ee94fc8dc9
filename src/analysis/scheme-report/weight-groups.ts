import type { ExportFormat } from "../schemes/scheme.ts";
import type { ReportedScheme } from "./scheme-report.ts";

/** Schemes whose exported tensors are the same bytes. */
export interface WeightGroup {
  readonly format: ExportFormat;
  /** Digest over all tensors. */
  readonly weights: string;
  readonly schemes: readonly string[];
}

/** In the order in which their first schemes come; the gate has seen that schemes of a group have one plan. */
export function weightGroups(schemes: readonly ReportedScheme[]): readonly WeightGroup[] {
  const groups = new Map<string, { format: ExportFormat; weights: string; schemes: string[] }>();
  for (const { scheme, exports } of schemes) {
    for (const { format, check } of exports) {
      if (check === null) continue;
      const key = `${format} ${check.weights}`;
      const group = groups.get(key) ?? { format, weights: check.weights, schemes: [] };
      group.schemes.push(scheme.name);
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

import { documentText } from "../quality/document-text.ts";
import type { EngineComparison } from "./comparison.ts";

const SCHEMA = 1;

/** `engines-<name>.json`: a line an item, so that a diff says what changed. */
export function engineComparisonJson(comparison: EngineComparison): string {
  const { engines, pairs, budgets, uniform, agreement, ...head } = comparison;
  return documentText({ schema: SCHEMA, ...head }, { engines, pairs, budgets, uniform, agreement });
}

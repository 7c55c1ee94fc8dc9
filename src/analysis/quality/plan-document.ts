import type { LayerGroup } from "../groups/layer-group.ts";
import { documentText } from "./document-text.ts";

/** What a plan is: one that is judged, one of the controls of equal size, or where a search by measurement began. */
export const PLAN_KINDS = [
  "solver",
  "uniform",
  "inverted",
  "heuristic",
  "weight_error",
  "random",
  "start",
] as const;

export type PlanKind = (typeof PLAN_KINDS)[number];

/** A format for every group, in the order of the document's groups. */
export interface NamedPlan {
  readonly name: string;
  readonly formats: readonly string[];
}

/**
 * Plans as the op `plan_quality` takes them. A document holds no scores and no sizes, so only another
 * assignment of formats is measured again.
 */
export interface PlanDocument {
  readonly groups: readonly Pick<LayerGroup, "name" | "modules">[];
  readonly plans: readonly NamedPlan[];
}

const PLAN_DOCUMENT_SCHEMA = 1;

/** Name of the document in which every group is quantized alone, once by each candidate. */
export const ALONE = "alone";

/** `solver-4.00`, `random_3-4.00`; budgets have two decimals. */
export const planName = (kind: string, budget: number): string => `${kind}-${budget.toFixed(2)}`;

export const uniformName = (candidate: string): string => `uniform-${candidate}`;

/** Name of the plan in which only one group is quantized. */
export const aloneName = (group: string, candidate: string): string => `${group} ${candidate}`;

export const planDocumentJson = ({ groups, plans }: PlanDocument): string =>
  documentText(
    { schema: PLAN_DOCUMENT_SCHEMA },
    {
      groups: groups.map(({ name, modules = [name] }) => ({ name, modules })),
      plans: plans.map(({ name, formats }) => ({ name, formats })),
    },
  );

import type { LayerGroup } from "../groups/layer-group.ts";

/**
 * The search for a bit plan: choose one candidate format for every layer group
 * so that the summed score is least while the summed cost stays in a budget (a
 * multiple-choice knapsack).
 */
export interface BitProblem {
  readonly groups: readonly ChoiceGroup[];
}

export interface ChoiceGroup extends LayerGroup {
  /** At least one; a group with exactly one is fixed. */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly format: string;
  /** Effective bits per weight. */
  readonly bits: number;
  /** Size in fp16-equivalent weight elements. */
  readonly cost: number;
  /** Sensitivity; at least zero, summed over samples, comparable only within one run. */
  readonly score: number;
}

/** One format for every group, and the sums over all groups. */
export interface BitPlan {
  /** In the order of the problem's groups. */
  readonly choices: readonly Choice[];
  /** Sum of the chosen scores, added up in group order. */
  readonly score: number;
  /** Sum of the chosen costs. */
  readonly cost: number;
  readonly bits: PlanBits;
  /** False when no choice at all meets the budget; the plan is then the smallest there is. */
  readonly satisfied: boolean;
}

export interface Choice {
  readonly name: string;
  readonly candidate: Candidate;
}

/** Average bits per weight over all groups. */
export interface PlanBits {
  readonly budget: number;
  readonly achieved: number;
  /** Budget minus achieved; below zero when the budget cannot be met. */
  readonly slack: number;
  /** The smallest budget that could be met. */
  readonly minimum: number;
}

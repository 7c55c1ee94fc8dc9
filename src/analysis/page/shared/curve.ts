/** The best plan for each of many budgets: what the slider of a page goes through. */
export interface BudgetCurve {
  /** The pairs that its plans choose from, in a word or two. */
  readonly name: string;
  /** What a layer may get; positions in this list are what `choices` holds. */
  readonly options: readonly CurveOption[];
  /** By rising budget. Each plan is the best there is for the bits that it uses. */
  readonly steps: readonly BudgetStep[];
  /** The step at the budget that the manifest was made for; 0, the smallest plan, where none meets it. */
  readonly chosen: number;
  /** Whether each plan is also the best for its budget: not where the frontier had to be cut to its corners. */
  readonly exact: boolean;
}

export interface CurveOption {
  readonly name: string;
  /** Bits per weight that a budget is charged. */
  readonly bits: number;
  /** Bits that a weight takes in a file, with the scale of its block; null where that is not known. */
  readonly stored: number | null;
  /** Column of its scores; null for layers that stay unquantized. */
  readonly column: number | null;
}

export interface BudgetStep {
  /** Average bits per weight over all layers, those that are kept at 16 bits included. */
  readonly budget: number;
  /** The part that the plan uses. */
  readonly bits: number;
  readonly score: number;
  /** By layer. */
  readonly choices: readonly number[];
}

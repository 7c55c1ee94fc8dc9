/** The best plan for each of many budgets: what the slider of a page goes through. */
export interface BudgetCurve {
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
  readonly bits: number;
  /** Column of its scores; null for layers that stay unquantized. */
  readonly column: number | null;
}

export interface BudgetStep {
  readonly budget: number;
  /** What the plan uses of it. */
  readonly bits: number;
  readonly score: number;
  /** By layer. */
  readonly choices: readonly number[];
}

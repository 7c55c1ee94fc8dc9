/** A choice in one group, relative to its base option. */
export interface Move {
  /** Index of the candidate in the group as it was given. */
  readonly index: number;
  readonly cost: number;
  readonly score: number;
}

export interface Step {
  /** Position of the group in the problem: ties are broken in this order. */
  readonly group: number;
  /** By rising cost. */
  readonly moves: readonly Move[];
}

export interface RankedLayer {
  readonly name: string;
  /** Highest score over the group's candidates. */
  readonly importance: number;
}

/** Least sensitive first; equals stay in module order. Rank 1 is the first. */
export function rankBySensitivity(layers: readonly RankedLayer[]): readonly RankedLayer[] {
  return layers.toSorted((a, b) => a.importance - b.importance);
}

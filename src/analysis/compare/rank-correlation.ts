/** How far two lists of numbers put the same things into the same order, ties included. */
export interface RankCorrelation {
  /** Things that both lists have. */
  readonly count: number;
  /** From -1 to 1; null where a list has no order at all (all equal, or fewer than two). */
  readonly spearman: number | null;
  readonly kendall: number | null;
}

/**
 * Places by falling value: 1 is the largest. Equal values share the mean of the places that they take
 * together (midranks), so the sum of all places does not depend on ties.
 */
export function placesOf(values: readonly number[]): readonly number[] {
  const order = values.map((_, index) => index).sort((a, b) => at(values, b) - at(values, a));
  const places = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && at(values, at(order, end)) === at(values, at(order, start)))
      end += 1;
    for (let n = start; n < end; n += 1) places[at(order, n)] = (start + 1 + end) / 2;
    start = end;
  }
  return places;
}

/**
 * Spearman's rho and Kendall's tau-b.
 *
 * Rho is Pearson's correlation of the midranks, which is right with ties, where the short formula
 * 1 - 6 sum(d^2) / (n^3 - n) is not (M. G. Kendall, Rank Correlation Methods, chapter 3). Tau-b is
 * (P - Q) / sqrt((P + Q + T)(P + Q + U)), with P and Q the concordant and discordant pairs, T and U those
 * tied in one list alone (M. G. Kendall, The treatment of ties in ranking problems, Biometrika 33, 1945).
 *
 * @param a one number for each thing; @param b likewise, in the same order, as many
 */
export function rankCorrelation(a: readonly number[], b: readonly number[]): RankCorrelation {
  return { count: a.length, spearman: pearson(placesOf(a), placesOf(b)), kendall: tauB(a, b) };
}

function pearson(a: readonly number[], b: readonly number[]): number | null {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, squareA, squareB] = [0, 0, 0];
  for (let n = 0; n < a.length; n += 1) {
    const [fromA, fromB] = [at(a, n) - meanA, at(b, n) - meanB];
    both += fromA * fromB;
    squareA += fromA * fromA;
    squareB += fromB * fromB;
  }
  return squareA === 0 || squareB === 0 ? null : clamped(both / Math.sqrt(squareA * squareB));
}

function tauB(a: readonly number[], b: readonly number[]): number | null {
  let [same, opposite, onlyA, onlyB] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    for (let j = i + 1; j < a.length; j += 1) {
      const signA = Math.sign(at(a, i) - at(a, j));
      const signB = Math.sign(at(b, i) - at(b, j));
      if (signA * signB > 0) same += 1;
      else if (signA * signB < 0) opposite += 1;
      else if (signA !== 0)
        onlyB += 1; // tied in b alone
      else if (signB !== 0) onlyA += 1;
    }
  }
  const untied = same + opposite;
  const both = Math.sqrt((untied + onlyA) * (untied + onlyB));
  return both === 0 ? null : clamped((same - opposite) / both);
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Rounding may lead a little beyond. */
const clamped = (value: number): number => Math.max(-1, Math.min(1, value));

const at = (values: readonly number[], index: number): number => values[index] ?? NaN;

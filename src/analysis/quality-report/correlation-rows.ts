import type { Correlation, MeasuredFrontier } from "../quality/measured-frontier.ts";

/** Beside every table of correlations: what must not be concluded from it. */
export const CORRELATION_NOTE =
  "1 means that the scores put all pairs into the measured order, 0 that scores and measured order have nothing in common. Together, candidates and whole plans are ordered by their size alone to a good part, so the columns of single candidates say more. A high correlation proves no plan: that of random weights can be high, too. The factor is the judge.";

export interface CorrelationRow {
  readonly what: string;
  readonly of: "groups" | "plans";
  readonly cells: readonly CorrelationCell[];
}

export interface CorrelationCell {
  readonly text: string;
  /** Spearman's; null where there is none. */
  readonly value: number | null;
}

/** Rank correlations: groups alone with a column for all candidates and for each of them, then whole plans. */
export function correlationRows({ candidates, correlations }: MeasuredFrontier): {
  readonly titles: readonly string[];
  readonly rows: readonly CorrelationRow[];
} {
  const { alone, plans } = correlations;
  const columns = [null, ...candidates.map(({ name }) => name)];
  const places = [...new Set(alone.kinds.map(({ what }) => what))];
  const row = (what: string, all: readonly Correlation[]): CorrelationRow => ({
    what,
    of: "groups",
    cells: columns.map((column) => cellOf(all.find(({ candidate }) => candidate === column))),
  });
  const plan = (what: string, of: Correlation): CorrelationRow => ({
    what,
    of: "plans",
    cells: columns.map((column) => (column === null ? cellOf(of) : { text: "", value: null })),
  });
  return {
    titles: [
      "Spearman’s rank correlation (pairs)",
      "all candidates",
      ...columns.slice(1).map(String),
    ],
    rows: [
      row("layer groups alone", [alone.all, ...alone.candidates]),
      ...places.map((place) =>
        row(
          place,
          alone.kinds.filter(({ what }) => what === place),
        ),
      ),
      plan("whole plans", plans.all),
    ],
  };
}

function cellOf(correlation: Correlation | undefined): CorrelationCell {
  if (correlation === undefined) return { text: "–", value: null };
  const { count, spearman, too_few } = correlation;
  if (too_few) return { text: `too few (${count})`, value: null };
  return spearman === null
    ? { text: `no order (${count})`, value: null }
    : { text: `${spearman.toFixed(2)} (${count})`, value: spearman };
}

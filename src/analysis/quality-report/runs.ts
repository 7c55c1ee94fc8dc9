import { budgetWords } from "./figure-text.ts";

/** Those of the sorted budgets that are meant, as runs of neighbours: `3.5 to 6.0 and 7.0`. */
export function budgetRuns(all: readonly number[], meant: ReadonlySet<number>): string {
  const runs: number[][] = [];
  let before = false;
  for (const budget of all) {
    const here = meant.has(budget);
    if (here && before) runs.at(-1)?.push(budget);
    else if (here) runs.push([budget]);
    before = here;
  }
  return listText(
    runs.flatMap((run) => {
      const [first = 0, last = first] = [run[0], run.at(-1)];
      return run.length > 2
        ? [`${budgetWords(first)} to ${budgetWords(last)}`]
        : run.map(budgetWords);
    }),
  );
}

/** `a, b and c`. */
export const listText = (items: readonly string[]): string =>
  items.length < 2
    ? (items[0] ?? "")
    : `${items.slice(0, -1).join(", ")} and ${items.at(-1) ?? ""}`;

export const counted = (count: number, one: string, more = `${one}s`): string =>
  `${count} ${count === 1 ? one : more}`;

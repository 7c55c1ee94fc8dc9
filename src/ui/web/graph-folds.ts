import type { Action } from "./graph-model.ts";

/** A way to fold many targets into few: the words that lead to an action, from the outermost fold inwards. */
export interface Folding {
  readonly name: string;
  readonly words: (action: Action) => readonly string[];
  /** What an action is called inside its innermost fold. */
  readonly label: (action: Action) => string;
}

export interface Fold {
  readonly id: string;
  readonly label: string;
  readonly actions: readonly Action[];
  /** How many words lead here. */
  readonly depth: number;
}

export function foldings(actions: readonly Action[]): readonly Folding[] {
  const axes = [...new Set(actions.flatMap(({ cell }) => cell.map(([axis]) => axis)))];
  const last = ({ path }: Action): string => path.slice(path.lastIndexOf("/") + 1);
  const whole = ({ path }: Action): string => path;
  const grid = (name: string, order: readonly string[]): Folding => ({
    name,
    words: ({ cell, folders }) => {
      const values = new Map(cell);
      const words = order.flatMap((axis) => {
        const value = values.get(axis);
        return value === undefined ? [] : [`${axis} = ${value}`];
      });
      return words.length > 0 ? words : ["outside of the grid", ...folders];
    },
    label: last,
  });
  return [
    { name: "folder", words: ({ folders }) => folders, label: last },
    ...axes.map((axis) =>
      grid(axes.length === 1 ? "grid" : `grid, ${axis} first`, [
        axis,
        ...axes.filter((one) => one !== axis),
      ]),
    ),
    { name: "op", words: ({ op }) => [op], label: whole },
    { name: "state", words: ({ verdict }) => [verdict], label: whole },
    { name: "cause", words: ({ causes }) => [causes[0] ?? "no cause: fresh"], label: whole },
  ];
}

/** What is one level further in: folds, and actions that no further word leads to. */
export function unfold(
  { id, actions, depth }: Fold,
  { words }: Folding,
): { readonly folds: readonly Fold[]; readonly actions: readonly Action[] } {
  const groups = new Map<string, Action[]>();
  const own: Action[] = [];
  for (const action of actions) {
    const word = words(action)[depth];
    if (word === undefined) own.push(action);
    else {
      const group = groups.get(word);
      if (group === undefined) groups.set(word, [action]);
      else group.push(action);
    }
  }
  const folds = [...groups].map(([word, inside]): Fold => {
    // Folders that hold nothing but one folder are shown as one.
    let [label, at] = [word, depth + 1];
    const first = inside[0] === undefined ? [] : words(inside[0]);
    for (; at < first.length; at++) {
      if (!inside.every((action) => words(action)[at] === first[at])) break;
      label += `${/ = /.test(word) ? ", " : "/"}${first[at] ?? ""}`;
    }
    return { id: `${id}\n${label}`, label, actions: inside, depth: at };
  });
  return { folds, actions: own };
}

import { find } from "./elements.ts";
import { foldings, unfold, type Fold, type Folding } from "./graph-folds.ts";
import type { Action } from "./graph-model.ts";
import { actions, present } from "./graph-state.ts";

/** So many targets of one fold are listed before one has to ask for more. */
const PAGE = 200;
/** What a search leaves is unfolded by itself if there are no more than so many. */
const FEW = 60;

export type Row =
  | { readonly kind: "fold"; readonly fold: Fold; readonly depth: number; readonly open: boolean }
  | { readonly kind: "action"; readonly action: Action; readonly depth: number }
  | { readonly kind: "more"; readonly id: string; readonly left: number; readonly depth: number };

const search = find<HTMLInputElement>("search");
const open = new Set<string>();
const closed = new Set<string>();
const listed = new Map<string, number>();

export const ways = foldings(actions);
/** The states that are shown. */
export const shown = new Set<string>(present);
let way: Folding | undefined = ways[0];

export const labelOf = (action: Action): string => way?.label(action) ?? action.path;

export function foldBy(at: number): void {
  way = ways[at];
  open.clear();
}

/** A new search unfolds its own matches. */
export const forgetClosed = (): void => closed.clear();

export function setFold({ id }: Fold, unfolded: boolean): void {
  (unfolded ? open : closed).add(id);
  (unfolded ? closed : open).delete(id);
}

export const listMore = (id: string): unknown =>
  listed.set(id, (listed.get(id) ?? PAGE) + 5 * PAGE);

function matching(): readonly Action[] {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  return actions.filter((action) => {
    if (!shown.has(action.verdict)) return false;
    if (words.length === 0) return true;
    const text = `${action.path} ${action.op} ${action.causes.join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** The rows that are to be seen: only what is unfolded costs anything. */
export function visibleRows(): readonly Row[] {
  const found: Row[] = [];
  const all = matching();
  const searching = search.value !== "";
  if (way === undefined) return found;
  const folding = way;
  const add = (fold: Fold, depth: number): void => {
    const inside = unfold(fold, folding);
    // A row with a single child is unfolded without a click.
    const few =
      searching &&
      (all.length <= FEW || (inside.folds.length === 1 && inside.actions.length === 0));
    for (const child of inside.folds) {
      const isOpen = open.has(child.id) || (few && !closed.has(child.id));
      found.push({ kind: "fold", fold: child, depth, open: isOpen });
      if (isOpen) add(child, depth + 1);
    }
    const most = listed.get(fold.id) ?? PAGE;
    for (const action of inside.actions.slice(0, most))
      found.push({ kind: "action", action, depth });
    const left = inside.actions.length - most;
    if (left > 0) found.push({ kind: "more", id: fold.id, left, depth });
  };
  add({ id: "", label: "", actions: all, depth: 0 }, 0);
  return found;
}

/** Unfolds everything around an action. */
export function unfoldAround(action: Action): void {
  if (!matching().includes(action)) {
    search.value = "";
    for (const verdict of present) shown.add(verdict);
  }
  let around: Fold = { id: "", label: "", actions: matching(), depth: 0 };
  while (way !== undefined) {
    const inside = unfold(around, way);
    const next = inside.folds.find((fold) => fold.actions.includes(action));
    if (next === undefined) {
      listed.set(
        around.id,
        Math.max(listed.get(around.id) ?? PAGE, inside.actions.indexOf(action) + 1),
      );
      break;
    }
    setFold(next, true);
    around = next;
  }
}

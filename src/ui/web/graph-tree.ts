import { find, make } from "./elements.ts";
import { showAction, showFold } from "./graph-details.ts";
import { duration, isDue, type Action } from "./graph-model.ts";
import { labelOf, listMore, setFold, unfoldAround, visibleRows, type Row } from "./graph-rows.ts";
import { count, present, summaryOf } from "./graph-state.ts";

const tree = find("tree");
let rows: readonly Row[] = [];
let current = 0;
let selected = "";
let renderStates = (): void => undefined;

/** What is to be seen has changed. */
export function render(): void {
  rows = visibleRows();
  current = Math.min(current, Math.max(0, rows.length - 1));
  const fragment = document.createDocumentFragment();
  rows.forEach((row, at) => fragment.append(rowElement(row, at)));
  if (rows.length === 0) fragment.append(make("p", "row", "Nothing matches."));
  tree.replaceChildren(fragment);
  mark(false);
}

function rowElement(row: Row, at: number): HTMLElement {
  const element = make("div", "row");
  element.id = `row-${at}`;
  element.dataset["at"] = String(at);
  element.style.setProperty("--depth", String(row.depth));
  element.setAttribute("role", "treeitem");
  element.setAttribute("aria-level", String(row.depth + 1));
  if (row.kind === "more") {
    element.append(make("span", "twist"), make("span", "label", `… ${row.left} more: show`));
    return element;
  }
  if (row.kind === "fold") {
    element.setAttribute("aria-expanded", String(row.open));
    const { label, actions: inside } = row.fold;
    element.append(
      make("span", "twist", row.open ? "▾" : "▸"),
      stack(inside),
      make("span", "label", label),
    );
    if (inside.some(({ critical }) => critical)) element.append(star());
    element.append(make("span", "meta", summaryOf(inside)));
    return element;
  }
  const { action } = row;
  const label = make("span", "label", labelOf(action));
  label.title = action.path;
  element.append(make("span", "twist"), stack([action]), label);
  if (action.critical) element.append(star());
  const untimed = isDue(action) ? "never timed" : "";
  const cost = action.seconds === null ? untimed : duration(action.seconds);
  const meta = [action.verdict, ...(action.gpu ? ["GPU"] : []), ...(cost === "" ? [] : [cost])];
  element.append(make("span", "meta", meta.join(" · ")));
  return element;
}

function star(): HTMLElement {
  const element = make("span", "star", "★");
  element.title = "on the critical path";
  return element;
}

function stack(among: readonly Action[]): HTMLElement {
  const element = make("span", "stack");
  const texts: string[] = [];
  for (const verdict of present) {
    const number = count(verdict, among);
    if (number === 0) continue;
    const part = make("i", verdict);
    part.style.flex = String(number);
    element.append(part);
    texts.push(`${number} ${verdict}`);
  }
  element.title = texts.join(", ");
  return element;
}

function mark(scroll: boolean): void {
  for (const element of tree.querySelectorAll(".current, .selected"))
    element.classList.remove("current", "selected");
  rows.forEach((row, at) => {
    if (keyOf(row) !== selected || selected === "") return;
    tree.children[at]?.classList.add("selected");
  });
  const element = tree.children[current];
  element?.classList.add("current");
  if (rows.length > 0) tree.setAttribute("aria-activedescendant", `row-${current}`);
  if (scroll) element?.scrollIntoView({ block: "nearest" });
}

const keyOf = (row: Row): string =>
  row.kind === "fold" ? `fold ${row.fold.id}` : row.kind === "action" ? row.action.path : "";

function choose(at: number, toggle: boolean): void {
  const row = rows[at];
  if (row === undefined) return;
  current = at;
  if (row.kind === "more") {
    listMore(row.id);
    render();
    return;
  }
  selected = keyOf(row);
  if (row.kind === "action") showAction(row.action, reveal);
  else {
    showFold(row.fold);
    if (toggle) fold(row, !row.open);
  }
  mark(true);
}

function fold(row: Extract<Row, { kind: "fold" }>, unfolded: boolean): void {
  setFold(row.fold, unfolded);
  render();
  mark(true);
}

/** Unfolds everything around an action and selects it. */
export function reveal(action: Action): void {
  unfoldAround(action);
  renderStates();
  render();
  choose(
    rows.findIndex((row) => row.kind === "action" && row.action === action),
    false,
  );
}

/** From the first row on, as after another way to fold. */
export function renderFromTop(): void {
  current = 0;
  render();
}

function keyDown(event: KeyboardEvent): void {
  const row = rows[current];
  const go = (at: number): void => {
    current = Math.max(0, Math.min(rows.length - 1, at));
    mark(true);
  };
  const around = (): number => {
    for (let at = current - 1; at >= 0; at--)
      if ((rows[at]?.depth ?? 0) < (row?.depth ?? 0)) return at;
    return current;
  };
  const act: Readonly<Record<string, () => void>> = {
    ArrowDown: () => go(current + 1),
    ArrowUp: () => go(current - 1),
    Home: () => go(0),
    End: () => go(rows.length - 1),
    Enter: () => choose(current, true),
    " ": () => choose(current, true),
    ArrowRight: () => {
      if (row?.kind === "fold" && !row.open) fold(row, true);
      else go(current + 1);
    },
    ArrowLeft: () => {
      if (row?.kind === "fold" && row.open) fold(row, false);
      else go(around());
    },
  };
  const action = act[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
}

/** Puts the rows there and lets keys and the pointer at them; a single fold is unfolded at once. */
export function startTree(statesChanged: () => void): void {
  renderStates = statesChanged;
  tree.addEventListener("click", ({ target }) => {
    const row = target instanceof Element ? target.closest<HTMLElement>(".row") : null;
    if (row?.dataset["at"] !== undefined) choose(Number(row.dataset["at"]), true);
  });
  tree.addEventListener("keydown", keyDown);
  render();
  const [first] = rows;
  if (rows.length === 1 && first?.kind === "fold") fold(first, true);
}

import { VERDICTS, type GraphData } from "./data.ts";
import { foldings, unfold, type Fold, type Folding } from "./graph-folds.ts";
import { duration, isDue, readActions, type Action } from "./graph-model.ts";

/** So many targets of one fold are listed before one has to ask for more. */
const PAGE = 200;

const find = <T extends HTMLElement>(id: string): T => {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no ${id}`);
  return element as T;
};
function make(tag: string, classes = "", text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (classes !== "") element.className = classes;
  element.textContent = text;
  return element;
}

const data = JSON.parse(find("data").textContent) as GraphData;
const actions = readActions(data);
const ways = foldings(actions);
const tree = find("tree");
const details = find("details");
const search = find<HTMLInputElement>("search");
const select = find<HTMLSelectElement>("fold");
const count = (verdict: string, among = actions): number =>
  among.reduce((sum, action) => sum + (action.verdict === verdict ? 1 : 0), 0);
const present = VERDICTS.filter((verdict) => count(verdict) > 0);

type Row =
  | { readonly kind: "fold"; readonly fold: Fold; readonly depth: number; readonly open: boolean }
  | { readonly kind: "action"; readonly action: Action; readonly depth: number }
  | { readonly kind: "more"; readonly id: string; readonly left: number; readonly depth: number };

const open = new Set<string>();
const closed = new Set<string>();
const listed = new Map<string, number>();
const shown = new Set<string>(present);
let way: Folding | undefined = ways[0];
let rows: readonly Row[] = [];
let current = 0;
let selected = "";

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
function visibleRows(): readonly Row[] {
  const found: Row[] = [];
  const all = matching();
  const searching = search.value !== "";
  if (way === undefined) return found;
  const folding = way;
  const add = (fold: Fold, depth: number): void => {
    const inside = unfold(fold, folding);
    for (const child of inside.folds) {
      const few = searching && all.length <= 60;
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

function render(): void {
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
    element.append(make("span", "meta", foldMeta(inside)));
    return element;
  }
  const { action } = row;
  const label = make("span", "label", way?.label(action) ?? action.path);
  label.title = action.path;
  element.append(make("span", "twist"), stack([action]), label);
  if (action.critical) element.append(star());
  const cost = action.seconds === null ? "" : duration(action.seconds);
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

function foldMeta(among: readonly Action[]): string {
  const stale = among.length - count("fresh", among);
  const due = among.filter(isDue);
  const seconds = due.reduce((sum, action) => sum + (action.seconds ?? 0), 0);
  return [
    `${among.length}`,
    stale === 0 ? "all fresh" : `${stale} not fresh`,
    ...(seconds > 0 ? [duration(seconds)] : []),
  ].join(" · ");
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
    listed.set(row.id, (listed.get(row.id) ?? PAGE) + 5 * PAGE);
    render();
    return;
  }
  selected = keyOf(row);
  if (row.kind === "action") showAction(row.action);
  else {
    showFold(row.fold);
    if (toggle) fold(row, !row.open);
  }
  mark(true);
}

function fold(row: Extract<Row, { kind: "fold" }>, unfolded: boolean): void {
  const { id } = row.fold;
  if (unfolded) {
    open.add(id);
    closed.delete(id);
  } else {
    open.delete(id);
    closed.add(id);
  }
  render();
  mark(true);
}

function section(title: string, lines: readonly (string | HTMLElement)[], most = 60): void {
  if (lines.length === 0) return;
  details.append(make("h4", "", `${title} (${lines.length})`));
  const list = make("ul");
  for (const line of lines.slice(0, most)) {
    const item = make("li");
    item.append(line);
    list.append(item);
  }
  if (lines.length > most) list.append(make("li", "", `… and ${lines.length - most} more`));
  details.append(list);
}

function link(position: number): HTMLElement {
  const action = actions[position];
  const anchor = make("a", "link path", action?.path ?? "") as HTMLAnchorElement;
  anchor.href = "#targets";
  const badge = make("span", `badge ${action?.verdict ?? ""}`);
  badge.title = action?.verdict ?? "";
  anchor.addEventListener("click", (event) => {
    event.preventDefault();
    if (action !== undefined) reveal(action);
  });
  const both = make("span");
  both.append(badge, anchor);
  return both;
}

function showAction(action: Action): void {
  const { path, verdict, op, gpu, seconds, causes, cell } = action;
  details.replaceChildren(make("h3", "path", path));
  const state = make("p");
  state.append(make("span", `badge ${verdict}`, verdict));
  const facts = [
    op,
    ...(gpu ? ["GPU"] : []),
    seconds === null ? "never timed" : `about ${duration(seconds)}`,
    ...(action.critical ? ["★ on the critical path"] : []),
  ];
  state.append(` · ${facts.join(" · ")}`);
  details.append(state);
  section("Because", causes);
  section(
    "Coordinates",
    cell.map(([axis, value]) => `${axis} = ${value}`),
  );
  section("Made from", [
    ...action.producers.map(link),
    ...action.sources.map((one) => make("span", "path", one)),
  ]);
  section("Goes into", action.consumers.map(link));
  section(
    "Also makes",
    action.moreOutputs.map((one) => make("span", "path", one)),
  );
}

function showFold({ label, actions: inside }: Fold): void {
  details.replaceChildren(make("h3", "", label), make("p", "", foldMeta(inside)));
  section(
    "States",
    present.flatMap((verdict) => {
      const number = count(verdict, inside);
      return number === 0 ? [] : [make("span", `badge ${verdict}`, `${number} ${verdict}`)];
    }),
  );
  const causes = new Map<string, number>();
  for (const action of inside)
    for (const cause of action.causes) causes.set(cause, (causes.get(cause) ?? 0) + 1);
  const often = [...causes].sort((a, b) => b[1] - a[1]);
  section(
    "Because",
    often.map(([cause, number]) => `${number} × ${cause}`),
    20,
  );
  const ops = new Map<string, number>();
  for (const { op } of inside) ops.set(op, (ops.get(op) ?? 0) + 1);
  section(
    "Ops",
    [...ops].map(([op, number]) => `${number} × ${op}`),
  );
}

/** Unfolds everything around an action and selects it. */
function reveal(action: Action): void {
  if (!matching().includes(action)) {
    search.value = "";
    for (const verdict of present) shown.add(verdict);
    renderStates();
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
    open.add(next.id);
    around = next;
  }
  render();
  const at = rows.findIndex((row) => row.kind === "action" && row.action === action);
  choose(at, false);
}

function renderStates(): void {
  const chips = present.map((verdict) => {
    const chip = make("button", `chip ${verdict}`, `${count(verdict)} ${verdict}`);
    chip.setAttribute("aria-pressed", String(shown.has(verdict)));
    chip.addEventListener("click", () => {
      if (!shown.delete(verdict)) shown.add(verdict);
      renderStates();
      render();
    });
    return chip;
  });
  find("states").replaceChildren(...chips);
}

function renderCritical(): void {
  const { critical } = data;
  const path = critical.nodes.flatMap((position) => actions[position] ?? []);
  const what = critical.of === "due" ? "what is due" : "making everything anew (nothing is due)";
  const untimed =
    critical.untimed === 0
      ? ""
      : ` ${critical.untimed} actions were never timed and count as nothing.`;
  find("critical-note").textContent =
    path.length === 0
      ? "Nothing is to be made."
      : `At least ${duration(critical.seconds)} for ${what}, however many processors there are: ${path.length} actions, one after the other.${untimed}`;
  find("critical-bar").replaceChildren(
    ...path.map((action) => {
      const part = make("i", action.verdict);
      // Parts of less than 1 in all would not fill the bar.
      const share = (action.seconds ?? 0) / Math.max(critical.seconds, Number.MIN_VALUE);
      part.style.flex = String(Math.max(1, 400 * share));
      part.title = `${action.path}: ${duration(action.seconds ?? 0)}`;
      return part;
    }),
  );
  find("critical-list").replaceChildren(
    ...path.map((action) => {
      const item = make("li");
      const time = action.seconds === null ? "?" : duration(action.seconds);
      item.append(make("span", "time", time), link(action.position));
      return item;
    }),
  );
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

function start(): void {
  const stale = actions.length - count("fresh");
  const due = actions.filter(isDue);
  const seconds = due.reduce((sum, action) => sum + (action.seconds ?? 0), 0);
  const gpu = due.filter((action) => action.gpu).length;
  find("summary").textContent = [
    `${actions.length} actions, ${stale === 0 ? "all fresh" : `${stale} not fresh`}`,
    ...(seconds > 0 ? [`about ${duration(seconds)} of work due`] : []),
    ...(gpu > 0 ? [`${gpu} on a GPU`] : []),
  ].join(" · ");
  select.replaceChildren(
    ...ways.map(({ name }, at) => {
      const option = make("option", "", name) as HTMLOptionElement;
      option.value = String(at);
      return option;
    }),
  );
  select.addEventListener("change", () => {
    way = ways[Number(select.value)];
    open.clear();
    current = 0;
    render();
  });
  search.addEventListener("input", () => {
    closed.clear();
    render();
  });
  tree.addEventListener("click", ({ target }) => {
    const row = target instanceof Element ? target.closest<HTMLElement>(".row") : null;
    if (row?.dataset["at"] !== undefined) choose(Number(row.dataset["at"]), true);
  });
  tree.addEventListener("keydown", keyDown);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === search) return;
    event.preventDefault();
    search.focus();
  });
  renderStates();
  renderCritical();
  render();
  const first = rows[0];
  if (rows.length === 1 && first?.kind === "fold") fold(first, true);
  details.append(
    make("p", "", "Select a target or a fold to see its state, causes and neighbours."),
  );
}

start();

import { find, make } from "./elements.ts";
import type { Fold } from "./graph-folds.ts";
import { duration, type Action } from "./graph-model.ts";
import { actions, count, present, summaryOf } from "./graph-state.ts";

/** Brings an action into view, wherever it is folded away. */
export type Reveal = (action: Action) => void;

const details = find("details");

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

/** To another action: its state and its path. */
export function link(position: number, reveal: Reveal): HTMLElement {
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

export function showAction(action: Action, reveal: Reveal): void {
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
    ...action.producers.map((one) => link(one, reveal)),
    ...action.sources.map((one) => make("span", "path", one)),
  ]);
  section(
    "Goes into",
    action.consumers.map((one) => link(one, reveal)),
  );
  section(
    "Also makes",
    action.moreOutputs.map((one) => make("span", "path", one)),
  );
}

export function showFold({ label, actions: inside }: Fold): void {
  details.replaceChildren(make("h3", "", label), make("p", "", summaryOf(inside)));
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

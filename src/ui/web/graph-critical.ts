import { find, make } from "./elements.ts";
import { link, type Reveal } from "./graph-details.ts";
import { duration } from "./graph-model.ts";
import { actions, data } from "./graph-state.ts";

export function renderCritical(reveal: Reveal): void {
  const { critical } = data;
  const path = critical.nodes.flatMap((position) => actions[position] ?? []);
  const what = critical.of === "due" ? "what is due" : "making everything again (nothing is due)";
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
      item.append(make("span", "time", time), link(action.position, reveal));
      return item;
    }),
  );
}

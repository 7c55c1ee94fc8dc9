import { find, make } from "./elements.ts";
import { link, type Reveal } from "./graph-details.ts";
import { duration, type Action } from "./graph-model.ts";
import { actions, data } from "./graph-state.ts";

export function renderCritical(reveal: Reveal): void {
  const { critical } = data;
  const path = critical.nodes.flatMap((position) => actions[position] ?? []);
  const what = critical.of === "due" ? "what is due" : "making everything again (nothing is due)";
  const untimed =
    critical.untimed === 0
      ? ""
      : ` ${critical.untimed} actions were never timed: what they take comes on top.`;
  find("critical-note").textContent =
    path.length === 0
      ? "Nothing is to be made."
      : `At least ${duration(critical.seconds)} for ${what}, however many processors there are: ${path.length === 1 ? "one action" : `${path.length} actions, one after the other`}.${untimed}`;
  find("critical-bar").replaceChildren(
    ...path.map((action) => {
      const untimed = action.seconds === null ? " untimed" : "";
      const part = make("i", `${action.verdict}${untimed}`);
      // Parts of less than 1 in all would not fill the bar.
      const share = (action.seconds ?? 0) / Math.max(critical.seconds, Number.MIN_VALUE);
      const width = action.seconds === null ? UNTIMED_WIDTH : 400 * share;
      part.style.flex = String(Math.max(1, width));
      part.title = `${action.path}: ${timeText(action)}`;
      return part;
    }),
  );
  find("critical-list").replaceChildren(
    ...path.map((action) => {
      const item = make("li");
      item.append(make("span", "time", timeText(action)), link(action.position, reveal));
      return item;
    }),
  );
}

/** Of 400 that all timed actions have together: to be seen, and hatched. */
const UNTIMED_WIDTH = 20;

const timeText = ({ seconds }: Action): string =>
  seconds === null ? "never timed" : duration(seconds);

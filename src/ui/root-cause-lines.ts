import { type RootCause } from "../plan/root-causes.ts";
import { oneLine } from "./escape.ts";
import { causeText } from "./format.ts";
import type { Colours } from "./reporter.ts";

/** What holds a plan or a build up: each thing once, with its next step and how many targets wait for it. */
export const rootCauseLines = (roots: readonly RootCause[], colours: Colours): readonly string[] =>
  roots.flatMap((root) => linesOfRoot(root, colours));

function linesOfRoot({ cause, targets }: RootCause, colours: Colours): readonly string[] {
  const text = cause.kind === "blocked_by" ? oneLine(`${cause.producer} failed`) : causeText(cause);
  const [first = ""] = targets;
  const who =
    targets.length === 1
      ? oneLine(first)
      : `${targets.length} targets: ${oneLine(first)} and ${targets.length - 1} more`;
  return [`${colours.red("blocked")}  ${text}`, colours.dim(`           holds up ${who}`)];
}

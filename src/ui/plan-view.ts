import type { SkippedGroup } from "../model/skipped.ts";
import type { Cause, Verdict } from "../model/verdict.ts";
import type { PlanCost } from "../plan/cost.ts";
import type { Interval } from "../plan/estimate.ts";
import type { Plan, PlannedAction } from "../plan/plan.ts";
import { rootCauses } from "../plan/root-causes.ts";
import { adoptionOf } from "../model/adoption.ts";
import { adoptedText } from "./adoption-view.ts";
import { oneLine } from "./escape.ts";
import { causeText, durationRange, plural, sizeRange, skippedText } from "./format.ts";
import { plannedGroups, type PlannedGroup } from "./planned-groups.ts";
import { sharedText } from "./lines.ts";
import type { Colours } from "./reporter.ts";
import { rootCauseLines } from "./root-cause-lines.ts";

const MARK: Readonly<Record<Verdict, string>> = {
  run: "run",
  restore: "restore",
  blocked: "blocked",
  edited: "edited",
  unknown: "unknown",
  fresh: "fresh",
};

export interface PlanTextOptions {
  readonly skipped: readonly SkippedGroup[];
  /** Each action by itself: what is fresh, what is blocked, and all that one op has to do. */
  readonly verbose?: boolean;
  readonly causesShown?: number;
}

/** The dry run: what holds the plan up, what is not fresh, why, and what it will cost. */
export function planText(
  plan: Plan,
  cost: PlanCost,
  colours: Colours,
  { skipped, verbose = false, causesShown = 4 }: PlanTextOptions,
): string {
  const lines: string[] = [];
  const blocked = plan.actions.filter(({ verdict }) => verdict === "blocked");
  lines.push(
    ...rootCauseLines(
      rootCauses(blocked.map(({ node, causes }) => ({ target: node.id, causes }))),
      colours,
    ),
  );
  const due = plan.actions.filter(({ verdict }) => verdict !== "fresh" && verdict !== "blocked");
  if (verbose)
    lines.push(...plan.actions.flatMap((action) => eachLines(action, causesShown, colours)));
  else
    for (const group of plannedGroups(due)) lines.push(...groupLines(group, causesShown, colours));
  for (const group of skipped) lines.push(colours.dim(skippedText(group)));
  const adopted = plan.actions.filter((one) => adoptedText(one.result) !== "").length;
  const [counts = "", ...rest] = costLines(cost);
  lines.push(adopted === 0 ? counts : `${counts} (${adopted} of them adopted)`, ...rest);
  return lines.join("\n");
}

/** An action with its causes; of a fresh one only that it is. */
function eachLines(
  { node, verdict, causes, result, from }: PlannedAction,
  causesShown: number,
  colours: Colours,
): readonly string[] {
  const mark = `${paintVerdict(verdict, colours)} ${oneLine(node.id)}`;
  if (verdict === "fresh") return [`${mark} ${adoptedText(result)}`.trimEnd()];
  return [
    `${mark}${verdict === "restore" && from === "shared" ? colours.dim(" from the shared cache") : ""}${colours.yellow(laneText(node))}`,
    ...causeLines(causes, causesShown).map((line) => colours.dim(`           ${line}`)),
  ];
}

/** Several actions of one op in the place of the first, whose causes stand for all. */
function groupLines(
  { first, count, op, alike }: PlannedGroup,
  causesShown: number,
  colours: Colours,
): readonly string[] {
  const [line = "", ...causes] = eachLines(first, causesShown, colours);
  if (count === 1) return [line, ...causes];
  const more = colours.dim(` and ${count - 1} more of ${oneLine(op)}`);
  const others = alike
    ? []
    : [colours.dim("           the others for like causes; all with --verbose")];
  return [`${line}${more}`, ...causes, ...others];
}

const laneText = ({ declaration }: PlannedAction["node"]): string =>
  declaration.resources.gpu > 0 ? " GPU" : "";

function causeLines(causes: readonly Cause[], most: number): readonly string[] {
  const lines = causes.slice(0, most).map(causeText);
  if (causes.length > most) lines.push(`and ${plural(causes.length - most, "more cause")}`);
  return lines;
}

/** What is to be done, in numbers, and what it is expected to cost; then where priors come from. */
export function costLines(cost: PlanCost): readonly string[] {
  const counts = [
    `${cost.run} to run${cost.gpuRun > 0 ? ` (${cost.gpuRun} on a GPU)` : ""}`,
    ...(cost.restore > 0 ? [`${cost.restore} to restore${sharedText(cost.shared)}`] : []),
    ...(cost.unknown > 0 ? [`${cost.unknown} known later`] : []),
    ...(cost.edited > 0 ? [`${cost.edited} edited by hand`] : []),
    ...(cost.blocked > 0 ? [`${cost.blocked} blocked`] : []),
    `${cost.fresh} fresh`,
  ];
  const lines = [counts.join(", ")];
  if (cost.run + cost.unknown > 0) {
    const parts = [
      ...timeText(cost.gpuSeconds, "of GPU time"),
      ...(cost.gpuMemoryBytes === null
        ? []
        : [`${sizeRange(rangeOf(cost.gpuMemoryBytes))} of GPU memory`]),
      ...timeText(cost.cpuSeconds, "of CPU time"),
      ...(cost.gpuSeconds.high > 0 ? timeText(cost.seconds, "in all") : []),
    ];
    lines.push(`expected cost: ${[parts.join(", "), basisText(cost)].filter(Boolean).join("; ")}`);
    for (const reason of cost.because) lines.push(`  prior: ${oneLine(reason)}`);
  }
  return lines;
}

const rangeOf = ({ low, high }: Interval): readonly [number, number] => [low, high];

const timeText = (seconds: Interval, what: string): readonly string[] =>
  seconds.high > 0 ? [`${durationRange(rangeOf(seconds))} ${what}`] : [];

/** How sure one may be: what the figures come from, by number of actions. */
function basisText({ basis, withoutEstimate }: PlanCost): string {
  const parts: readonly (readonly [number, string])[] = [
    [basis.own, "measured"],
    [basis.similar, "from similar actions"],
    [basis.prior, "from a prior"],
    [withoutEstimate, "never timed"],
  ];
  return parts.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : [])).join(", ");
}

export function paintVerdict(verdict: Verdict, colours: Colours): string {
  const text = MARK[verdict].padEnd(8);
  switch (verdict) {
    case "run":
      return colours.cyan(text);
    case "restore":
    case "fresh":
      return colours.green(text);
    case "blocked":
    case "edited":
      return colours.red(text);
    case "unknown":
      return colours.yellow(text);
  }
}

/** The plan as data, for `--json`. */
export function planJson(
  plan: Plan,
  cost: PlanCost,
  exitCode: number,
  skipped: ReadonlyMap<string, string>,
): object {
  return {
    actions: plan.actions.map(({ node, verdict, causes, key, result, from }) => ({
      target: node.id,
      outputs: Object.values(node.declaration.outputs).map(({ path }) => path),
      op:
        node.declaration.op.runtime === "python"
          ? node.declaration.op.name
          : node.declaration.op.module,
      lane: node.declaration.resources.gpu > 0 ? "gpu" : "cpu",
      resources: node.declaration.resources,
      verdict,
      ...(verdict === "restore" ? { from: from ?? "store" } : {}),
      key,
      adopted: result === null ? null : (adoptionOf(result)?.grade ?? null),
      causes,
    })),
    skipped: [...skipped].map(([target, because]) => ({ target, because })),
    cost,
    exitCode,
  };
}

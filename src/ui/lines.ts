import type { BuildEvent, GpuTime, Prediction } from "../model/event.ts";
import {
  causeText,
  durationRange,
  durationText,
  failureText,
  plural,
  skippedText,
} from "./format.ts";
import { oneLine } from "./escape.ts";
import type { Colours } from "./reporter.ts";

/** A target's name for a line whose rest takes `taken` columns. */
export type Shorten = (target: string, taken: number) => string;

/** Logs are searched for names, so they have them whole. */
export const WHOLE_NAMES: Shorten = (target) => target;

/** The lasting lines that an event leaves behind, the same in every text view but for the length of names. */
export function linesOf(
  event: BuildEvent,
  colours: Colours,
  shorten: Shorten = WHOLE_NAMES,
): readonly string[] {
  switch (event.type) {
    case "planned": {
      const count = (verdict: string): number =>
        event.actions.filter((action) => action.verdict === verdict).length;
      if (count("fresh") === event.actions.length) return [];
      const parts = [
        plural(count("run"), "action") + " to run",
        ...(count("unknown") > 0 ? [`${count("unknown")} known later`] : []),
        ...(count("restore") > 0
          ? [`${count("restore")} to restore${sharedText(event.actions.filter(isShared).length)}`]
          : []),
        ...(count("edited") > 0 ? [`${count("edited")} edited by hand`] : []),
        ...(count("blocked") > 0 ? [`${count("blocked")} blocked`] : []),
        `${count("fresh")} fresh`,
        ...predictionText(event.prediction),
      ];
      return [colours.dim(parts.join(", "))];
    }
    case "skipped":
      return event.groups.map((group) => colours.dim(skippedText(group)));
    case "waiting_for_lock":
      return [`${colours.yellow("wait")}     ${oneLine(`${event.path}: ${event.owner}`)}`];
    case "environment":
      return event.state === "ready"
        ? [`${colours.green("ready")}    Python environment ${event.name}`]
        : [];
    case "action_warning":
    case "devices_changed":
      return [
        `${colours.yellow("warning")}  ${oneLine(`${event.target ?? event.batch}: ${event.message}`)}`,
      ];
    case "job_submitted": {
      const mark = colours.cyan(event.state === "found" ? "found   " : "submit  ");
      return [`${mark} ${oneLine(`${event.target ?? event.batch}: ${event.message}`)}`];
    }
    case "action_settled": {
      if (event.verdict === "fresh") return [];
      const mark = event.verdict.padEnd(8);
      const time =
        event.from === "shared"
          ? " from the shared cache"
          : event.cost === null
            ? ""
            : ` ${durationText(event.cost.seconds)}`;
      const same = event.verdict === "ran" && !event.changed;
      const nameBeside = (rest: string): string =>
        oneLine(shorten(event.target, mark.length + 1 + rest.length));
      // A name matters more than the rest of its line.
      const long = same ? `${time} (same content as before)` : time;
      const short = same ? `${time} (same)` : time;
      const rest = nameBeside(long) === nameBeside(short) ? long : short;
      return [`${colours.green(mark)} ${nameBeside(rest)}${colours.dim(rest)}`];
    }
    case "action_failed":
      return event.failure.reason === "cancelled" ? [] : [failureText(event.failure, colours)];
    case "action_blocked":
      return [
        `${colours.yellow("blocked")}  ${oneLine(event.target)}`,
        ...event.causes.map((cause) => `           ${causeText(cause)}`),
      ];
    case "waiting":
      return [
        `${colours.cyan("notice")}   watching ${plural(event.files, "file")}; a saved file starts a build, Ctrl-C ends`,
      ];
    case "debt": {
      if (event.targets.length === 0) return [];
      const names = event.targets.map(oneLine).join(" ");
      return [`${colours.cyan("notice")}   ${debtText(event)}: ${names}`];
    }
    case "serving":
      return [`${colours.green("serve")}    ${event.url}`];
    case "notice":
      return [`${colours.cyan("notice")}   ${oneLine(event.message)}`];
    case "failure":
      return [failureText(event.failure, colours)];
    case "build_finished":
      return [finishedLine(event, colours)];
    case "looking":
    case "cells":
    case "build_started":
    case "hashing":
    case "batch_started":
    case "batch_ended":
    case "action_started":
    case "action_phase":
    case "action_step":
      return [];
  }
}

const isShared = ({ from }: { readonly from?: string }): boolean => from === "shared";

/** How many of the restored come from the shared cache; nothing where none does. */
export const sharedText = (count: number): string =>
  count === 0 ? "" : ` (${count} from the shared cache)`;

export const debtText = ({ targets, cost }: Extract<BuildEvent, { type: "debt" }>): string =>
  `GPU debt: ${targets.length} due (${cost}), not started; use --gpu or aqm build`;

/** Only where a GPU is needed: what the rest takes is seldom worth a thought. */
function predictionText(prediction: Prediction | null): readonly string[] {
  const gpu = prediction?.gpuSeconds ?? [0, 0];
  return gpu[1] > 0 ? [`${durationRange(gpu)} of GPU time expected`] : [];
}

function gpuText(gpu: GpuTime | null): string {
  if (gpu === null) return "";
  const took = durationText(gpu.seconds);
  if (gpu.predicted === null || gpu.predicted[1] === 0) return `, ${took} of GPU time`;
  return `; predicted ${durationRange(gpu.predicted)} of GPU time, took ${took}`;
}

function finishedLine(
  event: Extract<BuildEvent, { type: "build_finished" }>,
  colours: Colours,
): string {
  const parts = [
    `${event.ran} ran`,
    ...(event.restored > 0 ? [`${event.restored} restored${sharedText(event.shared)}`] : []),
    `${event.fresh} fresh`,
    ...(event.failed > 0 ? [colours.red(`${event.failed} failed`)] : []),
    ...(event.blocked > 0 ? [colours.yellow(`${event.blocked} blocked`)] : []),
    ...(event.submitted === undefined ? [] : [colours.cyan(`${event.submitted} submitted`)]),
  ];
  const word =
    event.outcome === "done"
      ? colours.green("done")
      : event.outcome === "failed"
        ? colours.red("failed")
        : event.outcome === "submitted"
          ? colours.cyan("submitted")
          : colours.yellow("interrupted");
  return `${word}: ${parts.join(", ")} ${colours.dim(`in ${durationText(event.seconds)}${gpuText(event.gpu)}`)}`;
}

import { shortDigest } from "../model/digest.ts";
import type { Failure, SourcePlace } from "../model/failure.ts";
import type { Json } from "../model/json.ts";
import { regionOf } from "../model/region.ts";
import { unreachable } from "../model/result.ts";
import type { SkippedGroup } from "../model/skipped.ts";
import type { Cause, RegionEditFate } from "../model/verdict.ts";
import { oneLine, severalLines } from "./escape.ts";
import type { Colours } from "./reporter.ts";

/** One line that says why, with the old and the new value. */
export const causeText = (cause: Cause): string => oneLine(rawCauseText(cause));

function rawCauseText(cause: Cause): string {
  switch (cause.kind) {
    case "never_built":
      return "never built";
    case "changed":
      return changedText(cause);
    case "output_missing":
      return `${cause.path} is missing`;
    case "output_modified":
      return `${cause.path} was changed by hand: ${shortDigest(cause.recorded)} → ${shortDigest(cause.found)}`;
    case "region_edited":
      return editText(cause);
    case "needed_by":
      return `needed by ${cause.consumer}`;
    case "waits_for":
      return `known once ${cause.producer} is done`;
    case "rerun_asked":
      return "rerun asked for";
    case "held":
      return "not started: it needs the GPU lane";
    case "blocked_by":
      return `waits for ${cause.producer}, which cannot be made`;
    case "input_missing":
      return `${cause.path} is missing${cause.obtain === undefined ? "" : `; ${cause.obtain}`}`;
    case "input_unreadable":
      return `${cause.path} cannot be read: ${cause.error}`;
    case "input_unfit":
      return `${cause.path} ${cause.problem}; ${cause.nextStep}`;
    case "unsupported_here":
      return `${cause.why}; ${cause.nextStep}`;
    default:
      return unreachable(cause);
  }
}

const EDIT_FATES: Readonly<Record<RegionEditFate, string>> = {
  left: "a build shows the edit and leaves the region as it is; --force fills it again",
  kept_aside: "the build keeps the edit in .aqm/replaced and fills the region again",
};

function editText(cause: Extract<Cause, { kind: "region_edited" }>): string {
  const { file, id } = regionOf(cause.path);
  const digests = `${shortDigest(cause.recorded ?? "(none)")} → ${shortDigest(cause.found)}`;
  return `the region ${id} in ${file} was edited by hand: ${digests}; ${EDIT_FATES[cause.fate]}`;
}

function changedText(cause: Extract<Cause, { kind: "changed" }>): string {
  const values = valuesText(cause.old, cause.new);
  if (cause.field.startsWith("op.sources")) {
    if (cause.old === undefined) return `the op now uses ${cause.path ?? ""}`;
    if (cause.new === undefined) return `the op no longer uses ${cause.path ?? ""}`;
    return `source ${cause.path ?? ""} changed: ${values}`;
  }
  if (cause.field.startsWith("inputs.")) {
    return `input ${cause.path ?? cause.field.slice("inputs.".length)} changed: ${values}`;
  }
  return `${cause.field}: ${values}`;
}

const WIDEST = 60;

/** Old → new; of long values the part from where they differ. */
function valuesText(before: Json | undefined, after: Json | undefined): string {
  // By whole characters: half of one is not shown.
  const old = Array.from(valueText(before));
  const now = Array.from(valueText(after));
  let same = 0;
  while (same < old.length && old[same] === now[same]) same++;
  const from = Math.max(old.length, now.length) > WIDEST ? Math.max(0, same - 10) : 0;
  return `${clipped(old, from)} → ${clipped(now, from)}`;
}

function clipped(text: readonly string[], from: number): string {
  const part = text.slice(from, from + WIDEST).join("");
  return `${from > 0 ? "…" : ""}${part}${from + WIDEST < text.length ? "…" : ""}`;
}

function valueText(value: Json | undefined): string {
  if (value === undefined) return "(none)";
  if (typeof value === "string" && value.startsWith("sha256:")) return shortDigest(value);
  return JSON.stringify(value);
}

const placeText = (place: SourcePlace): string =>
  [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");

/** A failure in full: what, which target, where, why, what to do, and how many others are alike. */
export function failureText(failure: Failure, colours: Colours): string {
  const lines = [`${colours.red("error")} ${oneLine(placedMessage(failure))}`];
  const from = failure.place?.from;
  if (from !== undefined) lines.push(`  from    ${oneLine(placeText(from))}`);
  if (failure.target !== undefined && failure.target !== failure.place?.file) {
    lines.push(`  target  ${oneLine(failure.target)}`);
  }
  if (failure.cause !== undefined && failure.cause !== "") {
    lines.push(`  cause   ${severalLines(failure.cause).split("\n").join("\n          ")}`);
  }
  if (failure.log !== undefined) lines.push(`  log     ${oneLine(failure.log)}`);
  if (failure.nextStep !== undefined) lines.push(`  next    ${severalLines(failure.nextStep)}`);
  if (failure.alike !== undefined)
    lines.push(`  and ${failure.alike.toLocaleString("en")} more like it`);
  return lines.join("\n");
}

/** The message with its place in front; a message that begins with the file says it once. */
function placedMessage({ place, message }: Failure): string {
  if (place === undefined) return message;
  const rest = message.startsWith(`${place.file} `) ? message.slice(place.file.length) : null;
  return rest === null ? `${placeText(place)}: ${message}` : `${placeText(place)}${rest}`;
}

/** `7 ms`, `1.2 s`, `3 min 05 s`, `2 h 10 min`. */
export function durationText(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const pad = (value: number): string => String(value).padStart(2, "0");
  if (minutes < 60) return `${minutes} min ${pad(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** `3–9 min`, `40–90 s`, `about 4 min` where both ends read alike. What rounds to 1000 of a unit is 1 of the next. */
export function durationRange([low, high]: readonly [number, number]): string {
  const unit: readonly [number, string] =
    high < 0.9995 ? [0.001, "ms"] : high < 120 ? [1, "s"] : high < 7200 ? [60, "min"] : [3600, "h"];
  return rangeText(low / unit[0], high / unit[0], unit[1]);
}

export function sizeRange([low, high]: readonly [number, number]): string {
  const unit: readonly [number, string] = high < 999.5e6 ? [1e6, "MB"] : [1e9, "GB"];
  return rangeText(low / unit[0], high / unit[0], unit[1]);
}

function rangeText(low: number, high: number, unit: string): string {
  const text = (value: number): string =>
    (value < 10 ? Number(value.toFixed(1)) : Math.round(value)).toString();
  return text(low) === text(high)
    ? `about ${text(high)} ${unit}`
    : `${text(low)}–${text(high)} ${unit}`;
}

/** `12 skipped: the printer has no A3`. */
export const skippedText = ({ count, because }: SkippedGroup): string =>
  oneLine(`${count} skipped: ${because}`);

export const plural = (count: number, word: string): string =>
  `${count} ${word}${count === 1 ? "" : "s"}`;

import {
  likelyReasons,
  rootsOf,
  withVerdict,
  type ReproducedFile,
  type Reproduction,
} from "../model/reproduction.ts";
import { oneLine } from "./escape.ts";
import { plural } from "./format.ts";
import type { Colours } from "./reporter.ts";
import { answerText, freshText, NO_REASON, NO_RECORDS, reasonText } from "./reproduction-words.ts";

/** What a folder of published files was found to hold, before anything is made. */
export interface Matched {
  readonly target: string;
  readonly against: string;
  readonly mirrors: string;
  /** Null where there are none. */
  readonly records: string | null;
  readonly outputs: readonly { readonly path: string; readonly published: string }[];
  readonly unmade: Reproduction["unmade"];
  readonly unknown: readonly string[];
}

/** Of names and reasons more are counted than shown; the page has all of them. */
const SHOWN = 5;

/** @param most names shown of what is matched */
export function matchText(matched: Matched, colours: Colours, most: number): string {
  const { target, against, mirrors, records, outputs, unmade, unknown } = matched;
  const what = mirrors === "." ? "a copy of the workspace" : mirrors;
  const lines = [
    `against  ${oneLine(against)}`,
    `         mirrors ${oneLine(what)}; ${records === null ? "no lock records" : "lock records"} beside it`,
    `matched  ${plural(outputs.length, "file")} that targets make${below(target)}`,
  ];
  for (const { path, published } of outputs.slice(0, most)) {
    lines.push(`         ${shortened(path, target)}`);
    if (!path.endsWith(published) && !published.endsWith(path))
      lines.push(colours.dim(`           published as ${oneLine(published)}`));
  }
  if (outputs.length > most) lines.push(colours.dim(`         and ${outputs.length - most} more`));
  const reasons = new Map<string, string[]>();
  for (const { file, because } of unmade)
    reasons.set(because, [...(reasons.get(because) ?? []), file]);
  for (const [because, files] of reasons) {
    lines.push(`left     ${plural(files.length, "file")}: ${oneLine(because)}`);
    lines.push(...names(files, colours));
  }
  if (unknown.length > 0) {
    lines.push(`left     ${plural(unknown.length, "file")} that no target makes`);
    lines.push(...names(unknown, colours));
  }
  return lines.join("\n");
}

const below = (target: string): string => (target === "." ? "" : `, below ${oneLine(target)}`);

/** A path as it is below the target. */
const shortened = (path: string, target: string): string =>
  oneLine(path.startsWith(`${target}/`) ? path.slice(target.length + 1) : path);

function names(files: readonly string[], colours: Colours): readonly string[] {
  const lines = files.slice(0, SHOWN).map((file) => colours.dim(`         ${oneLine(file)}`));
  const more = files.length - SHOWN;
  return more > 0 ? [...lines, colours.dim(`         and ${more} more`)] : lines;
}

/** The short summary at the end: what does not agree, why that may be, and the answer. */
export function reproductionText(
  reproduction: Reproduction,
  page: string,
  colours: Colours,
): string {
  const { target } = reproduction;
  const lines: string[] = [];
  const add = (
    word: string,
    paint: (text: string) => string,
    files: readonly ReproducedFile[],
  ): void => {
    // Files of which the same is said are told of together.
    for (const summary of new Set(files.map((file) => file.summary))) {
      const alike = files.filter((file) => file.summary === summary);
      const [first] = alike;
      const names = alike.length === 1 ? "" : plural(alike.length, "file");
      lines.push(`${paint(word.padEnd(8))} ${names || shortened(first?.path ?? "", target)}`);
      lines.push(`         ${oneLine(summary)}`);
    }
  };
  add("agrees", colours.green, withVerdict(reproduction, "agrees"));
  const roots = rootsOf(reproduction);
  add("differs", colours.red, roots);
  const following = withVerdict(reproduction, "differs").length - roots.length;
  if (following > 0)
    lines.push(
      `${colours.yellow("differs")}  ${plural(following, "file")} made from ${following === 1 ? "it" : "these"}`,
    );
  add("open", colours.yellow, withVerdict(reproduction, "not_compared"));
  add("not made", colours.red, withVerdict(reproduction, "not_made"));
  if (roots.length > 0) lines.push(...reasonLines(reproduction));
  const earlier = freshText(reproduction);
  if (earlier !== "") lines.push(`notice   ${earlier}`);
  lines.push(`page     ${oneLine(page)}`, answerText(reproduction));
  return lines.join("\n");
}

function reasonLines(reproduction: Reproduction): readonly string[] {
  const reasons = likelyReasons(reproduction);
  const both = reasons.filter(({ reason }) => reason.published !== null && reason.made !== null);
  const lines = both.slice(0, SHOWN).map(({ reason }) => `likely   ${oneLine(reasonText(reason))}`);
  if (both.length > SHOWN) lines.push(`         and ${both.length - SHOWN} more, on the page`);
  if (both.length === 0) lines.push(`likely   ${NO_REASON}`);
  if (!reproduction.records) lines.push(`         ${NO_RECORDS}`);
  return lines;
}

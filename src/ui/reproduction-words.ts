import {
  reproductionCode,
  rootsOf,
  withVerdict,
  type LikelyReason,
  type ReproducedFile,
  type Reproduction,
} from "../model/reproduction.ts";
import { plural } from "./format.ts";

/** The answer in a sentence, for page and terminal. */
export function answerText(reproduction: Reproduction): string {
  const { files, unmade, unknown } = reproduction;
  const count = (verdict: ReproducedFile["verdict"]): number =>
    withVerdict(reproduction, verdict).length;
  const parts = [`${count("agrees")} of ${plural(files.length, "file")} ${verb(count("agrees"))}`];
  const differing = count("differs");
  if (differing > 0) {
    const following = differing - rootsOf(reproduction).length;
    const only = following === 0 ? "" : ` (${following} only because what it is made from does)`;
    parts.push(`${differing} ${differing === 1 ? "differs" : "differ"}${only}`);
  }
  if (count("not_compared") > 0) parts.push(`${count("not_compared")} not compared`);
  if (count("not_made") > 0) parts.push(`${count("not_made")} not made`);
  const left = unmade.length + unknown.length;
  if (left > 0) parts.push(`${plural(left, "more file")} of the folder not compared`);
  return parts.join(", ");
}

const verb = (count: number): string => (count === 1 ? "agrees" : "agree");

/** The answer in two or three words. */
export function answerWord(reproduction: Reproduction): string {
  switch (reproductionCode(reproduction)) {
    case 0:
      return reproduction.unmade.length + reproduction.unknown.length > 0
        ? "All that was compared agrees"
        : "All agree";
    case 1:
      return withVerdict(reproduction, "differs").length > 0 ? "Not all agree" : "Not all compared";
    default:
      return "Nothing was compared";
  }
}

/** How many files stem from this run of the command, in a sentence; empty where all do. */
export function freshText({ files }: Reproduction): string {
  const old = files.filter(({ how }) => how === "fresh" || how === "restored").length;
  if (old === 0) return "";
  const all = files.filter(({ how }) => how !== null).length;
  return `${old} of ${all} compared files were here already, from an earlier run, and were not made again; \`aqm verify --rerun\` does that.`;
}

export function reasonText({ what, published, made }: LikelyReason): string {
  const side = (value: string | null): string => value ?? "not recorded";
  return `${what}: ${side(published)} published, ${side(made)} here`;
}

/** Where a reason was read, for people. */
export const sourceText = ({ source, target, field }: LikelyReason): string =>
  source === "files" ? `${field}, in both files` : `${field}, lock records of ${target ?? ""}`;

export const NO_REASON =
  "Nothing that both sides record is different, so the reason is something that they do not record.";
export const NO_RECORDS =
  "The folder has no lock records, so contents of inputs, code and settings of the runs could not be compared.";

export function howText({ how, madeOn }: ReproducedFile): string {
  const on = madeOn === null ? "" : ` since a run of ${madeOn}`;
  switch (how) {
    case "ran":
      return "made now";
    case "restored":
      return `restored from an earlier run here`;
    case "fresh":
      return `was here${on}`;
    case null:
      return "not made";
  }
}

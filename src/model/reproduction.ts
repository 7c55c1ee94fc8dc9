import type { RecordedSetting, ReproductionFigure } from "./comparison.ts";
import { EXIT } from "./failure.ts";

/** What came of one published file. */
export type ReproducedVerdict = "agrees" | "differs" | "not_compared" | "not_made";

/** Something that is not the same for both sides, and where that is recorded. */
export interface LikelyReason extends RecordedSetting {
  /** `files`: in both files; `records`: in the lock records of both. */
  readonly source: "files" | "records";
  /** The target whose record it is; null for what a file says of itself. */
  readonly target: string | null;
}

/** One published file and the one that was made here. */
export interface ReproducedFile {
  /** The output, relative to the workspace. */
  readonly path: string;
  /** The published file, relative to the folder. */
  readonly published: string;
  readonly verdict: ReproducedVerdict;
  /** What this command did for it; null where it was not made. */
  readonly how: "ran" | "restored" | "fresh" | null;
  /** The day of the run that made it, as recorded; null where that is not known. */
  readonly madeOn: string | null;
  readonly summary: string;
  readonly figures: readonly ReproductionFigure[];
  readonly reasons: readonly LikelyReason[];
  readonly madeWith: readonly RecordedSetting[];
  /** Files that it is made from and that differ: then it may differ because of them alone. */
  readonly follows: readonly string[];
}

/** All that the page of a reproduction says. */
export interface Reproduction {
  readonly target: string;
  /** The last part of the folder's path: a report does not say where on a machine a folder lies. */
  readonly folder: string;
  /** The part of the workspace that the folder mirrors; `.` is the whole workspace. */
  readonly mirrors: string;
  /** Whether lock records lie beside the published files. */
  readonly records: boolean;
  readonly files: readonly ReproducedFile[];
  /** What the folder holds and cannot be made here, and why. */
  readonly unmade: readonly { readonly file: string; readonly because: string }[];
  /** What the folder holds and no target makes. */
  readonly unknown: readonly string[];
  /** The day, UTC. */
  readonly on: string;
}

export const withVerdict = (
  { files }: Pick<Reproduction, "files">,
  verdict: ReproducedVerdict,
): readonly ReproducedFile[] => files.filter((file) => file.verdict === verdict);

/** What differs by itself: not only because what it is made from does. */
export const rootsOf = (reproduction: Pick<Reproduction, "files">): readonly ReproducedFile[] =>
  withVerdict(reproduction, "differs").filter(({ follows }) => follows.length === 0);

/** 0 where all agrees, 1 where something does not, 2 where nothing could be compared. */
export function reproductionCode(reproduction: Pick<Reproduction, "files">): number {
  const agreeing = withVerdict(reproduction, "agrees").length;
  if (agreeing + withVerdict(reproduction, "differs").length === 0) return EXIT.usage;
  return agreeing === reproduction.files.length ? EXIT.done : EXIT.actionFailed;
}

/** Reasons of what differs by itself, each once, with the files that it is about. */
export function likelyReasons(
  reproduction: Pick<Reproduction, "files">,
): readonly { readonly reason: LikelyReason; readonly files: readonly string[] }[] {
  const found = new Map<string, { reason: LikelyReason; files: string[] }>();
  for (const { path, reasons } of rootsOf(reproduction)) {
    for (const reason of reasons) {
      const { what, published, made, source, target } = reason;
      const key = JSON.stringify([what, published, made, source, target]);
      const known = found.get(key);
      if (known === undefined) found.set(key, { reason, files: [path] });
      else if (!known.files.includes(path)) known.files.push(path);
    }
  }
  // What both sides record says more than what only one does.
  const rank = ({ reason }: { reason: LikelyReason }): number =>
    reason.published === null || reason.made === null ? 1 : 0;
  return [...found.values()].sort((a, b) => rank(a) - rank(b));
}

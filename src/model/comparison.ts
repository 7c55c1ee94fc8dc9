import type { Json } from "./json.ts";

/** What a comparer module exports: it knows what is in some files, and how two of them differ. */
export interface ComparerModule {
  /** Names of files that it can compare: `*` stops at `/`, `**` does not. */
  readonly patterns: readonly string[];
  /** Options of `--with`, and what each means. */
  readonly options: Readonly<Record<string, string>>;
  readonly compare: (call: ComparisonCall) => ComparisonAnswer;
  /**
   * Whether a file that was made here is the published one again, within what may differ. Of a comparer
   * without it only the same counts as agreeing.
   */
  readonly reproduce?: (call: ReproductionCall) => ReproductionAnswer;
}

export interface ComparisonCall {
  readonly a: ComparedFile;
  readonly b: ComparedFile;
  /** As given with `--with NAME=VALUE`; only names that `options` has. */
  readonly options: Readonly<Record<string, string>>;
}

export interface ComparedFile {
  /** As the user named it. */
  readonly name: string;
  readonly text: string;
}

export type ComparisonAnswer =
  | {
      readonly ok: true;
      readonly same: boolean;
      /** For people: Markdown. */
      readonly text: string;
      readonly json: Json;
    }
  | { readonly ok: false; readonly message: string; readonly nextStep: string };

export interface ReproductionCall {
  readonly published: ComparedFile;
  /** Made here, from the same declaration. */
  readonly made: ComparedFile;
}

export type ReproductionAnswer =
  | {
      readonly verdict: "agrees" | "differs";
      /** A sentence for people: what agrees, or what does not. */
      readonly summary: string;
      readonly figures: readonly ReproductionFigure[];
      /** What is not the same for both, so that it may be why they differ. */
      readonly reasons: readonly RecordedSetting[];
      /** What each side was made with (versions, device, data), the same or not, to be shown side by side. */
      readonly madeWith?: readonly RecordedSetting[];
    }
  /** The files do not allow it: one is damaged, or they are of different things. `summary` says why. */
  | { readonly verdict: "not_compared"; readonly summary: string };

/** One thing that was compared, in words. */
export interface ReproductionFigure {
  /** `layers chosen otherwise` */
  readonly name: string;
  /** `3 of 145` */
  readonly found: string;
  /** What still agrees: `none`, `at most 5 %`; null where the figure decides nothing. */
  readonly allowed: string | null;
  /** False where it is more than that. */
  readonly within: boolean;
}

/** A setting, a version, data: what each of the two files says. */
export interface RecordedSetting {
  /** In words: `the data`, `the version of a library`. */
  readonly what: string;
  /** Where it was read: `environment.python`. */
  readonly field: string;
  /** Null where that side does not say. */
  readonly published: string | null;
  readonly made: string | null;
}

import type { Json } from "./json.ts";

/** What a comparer module exports: it knows what is in some files, and how two of them differ. */
export interface ComparerModule {
  /** Names of files that it can compare: `*` stops at `/`, `**` does not. */
  readonly patterns: readonly string[];
  /** Options of `--with`, and what each means. */
  readonly options: Readonly<Record<string, string>>;
  readonly compare: (call: ComparisonCall) => ComparisonAnswer;
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

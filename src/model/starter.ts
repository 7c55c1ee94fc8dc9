import type { Failure } from "./failure.ts";
import type { Result } from "./result.ts";

/** What a starter module exports: it looks at what a person has, and writes the first files of a workspace. */
export interface StarterModule {
  readonly questions: readonly StarterQuestion[];
  /** Why the answer to one question is wrong, asked as soon as it is given; null where it is right. */
  readonly check: (question: string, call: StarterCall) => Promise<Failure | null>;
  readonly start: (call: StarterCall) => Promise<Result<Started, Failure>>;
}

export interface StarterQuestion {
  /** The option of `aqm init` that answers it. */
  readonly name: string;
  readonly text: string;
  /** Taken where a person gives no answer; null where there must be one. */
  readonly fallback: string | null;
}

/** All that a starter may know. Paths are absolute, or relative to the new workspace. */
export interface StarterCall {
  readonly answers: Readonly<Record<string, string>>;
  /** The folder that becomes a workspace, absolute. */
  readonly root: string;
  /** Names of the configs of a group that come with aqm. */
  readonly configs: (group: string) => readonly string[];
  /** Text of a file; null where there is none. */
  readonly read: (path: string) => string | null;
  /** The first bytes of a file, at most so many, as text, and whether it has no more; null where there is none. */
  readonly beginning: (
    path: string,
    most: number,
  ) => { readonly text: string; readonly whole: boolean } | null;
  /** Names in a folder; null where there is none. */
  readonly names: (path: string) => readonly string[] | null;
  /** What an address answers, parsed, or why it does not. */
  readonly fetchJson: (
    url: string,
    headers: Readonly<Record<string, string>>,
  ) => Promise<Result<unknown, string>>;
  /** A variable of the environment; null where it is not set, or empty. */
  readonly variable: (name: string) => string | null;
  /** GPUs that this machine shows. */
  readonly gpus: number;
}

export interface Started {
  readonly files: readonly StarterFile[];
  /** Lines that a file must have: those that are missing are put at its end. */
  readonly lines: readonly { readonly path: string; readonly lines: readonly string[] }[];
  /** Symbolic links in the workspace, to what lies elsewhere. */
  readonly links: readonly { readonly path: string; readonly leadsTo: string }[];
  /** Sentences for the person. */
  readonly notes: readonly string[];
}

export interface StarterFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly content: string;
}

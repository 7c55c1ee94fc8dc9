import type { Failure } from "../../model/failure.ts";

/** A value as it is written, before its type is known. */
export type Element =
  | {
      readonly kind: "text";
      readonly text: string;
      /** Written in quotes or with an escape: then it is text, even if it looks like a number. */
      readonly literal: boolean;
    }
  | { readonly kind: "list"; readonly items: readonly Element[] }
  | { readonly kind: "mapping"; readonly entries: readonly (readonly [string, Element])[] }
  | {
      readonly kind: "call";
      readonly name: string;
      readonly arguments: readonly { readonly name: string | null; readonly value: Element }[];
    };

/** `group/option.path`, or `group` alone. */
export interface Key {
  readonly group: string;
  readonly option: string | null;
  readonly path: readonly string[];
}

/** One word of a command line: `key=a,b`, `+key=a`, `++key=a`, `~key`. */
export interface Term {
  readonly sign: "" | "+" | "++" | "~";
  readonly key: Key;
  /** The key as it was written, which may be the name of an axis. */
  readonly name: string;
  /** The values; none for `~key` alone. */
  readonly choices: readonly Element[];
}

/** A mistake in what was typed: exit code 2. */
export const usage = (message: string, nextStep: string, cause?: string): Failure => ({
  reason: "usage",
  message,
  ...(cause === undefined ? {} : { cause }),
  nextStep,
});

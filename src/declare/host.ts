import type { Failure, FailureReason, SourcePlace } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";

/**
 * What the loader hands to an Aqmfile while it is evaluated. It travels in a global variable because
 * the Aqmfile is bundled with its own copy of this module.
 */
export interface DeclareHost {
  /** Every valid `conf/<group>/<name>.yaml`, already checked against its schema. */
  readonly configuration: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;
  /** Group → the option to take in it, whichever the Aqmfile asks for. */
  readonly chosen?: Readonly<Record<string, string>>;
  /** True on the second evaluation, after a mistake was found: find out where each thing is declared. */
  readonly trace: boolean;
}

declare global {
  var aqmDeclareHost: DeclareHost | undefined;
}

/** By its bare name: an Aqmfile that mentions `globalThis` counts as one that looks around. */
export function declareHost(): DeclareHost {
  if (typeof aqmDeclareHost === "undefined") {
    throw new Error("An Aqmfile is evaluated by aqm; run `aqm list` instead of importing it.");
  }
  return aqmDeclareHost;
}

/** A mistake in an Aqmfile or a rule. The loader turns it into a failure with file and line. */
export class DeclarationError extends Error {
  readonly aqmFailure: Failure;
  constructor(reason: FailureReason, message: string, nextStep?: string) {
    super(message);
    this.name = "DeclarationError";
    this.aqmFailure = { reason, message, ...(nextStep === undefined ? {} : { nextStep }) };
  }
}

/** Where the caller's code is, when the host asks for it: stacks are too dear for every load. */
export function declarationPlace(): { declaredAt: SourcePlace } | Record<string, never> {
  if (!declareHost().trace) return {};
  const place = placeInStack(new Error().stack ?? "");
  return place === undefined ? {} : { declaredAt: place };
}

/**
 * The line of the rule or Aqmfile that declared something, and for a rule the line of the Aqmfile that called it.
 * Expects a stack that source maps have already translated.
 */
export function placeInStack(stack: string): SourcePlace | undefined {
  const frames: SourcePlace[] = [];
  for (const line of stack.split("\n")) {
    const match = /(?:\(|at |at async )(?:file:\/\/)?([^()\s][^()]*?):(\d+):(\d+)\)?$/.exec(
      line.trim(),
    );
    if (match === null) continue;
    const [, file = "", row, column] = match;
    if (/^node:|[\\/]src[\\/]declare[\\/]|[\\/]node_modules[\\/]/.test(file)) continue;
    frames.push({ file, line: Number(row), column: Number(column) });
  }
  const [place] = frames;
  const from = frames.find((frame) => /Aqmfile\.[cm]?ts$/.test(frame.file));
  return place === undefined || from === undefined || from === place ? place : { ...place, from };
}

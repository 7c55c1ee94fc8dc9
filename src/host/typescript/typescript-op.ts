import { types } from "node:util";
import type { Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { OpFailure, OpOutputs } from "../../model/op.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { errorText } from "../disk/disk.ts";
import type { RunningOp } from "./op-request.ts";

/**
 * Types are gone when an op runs: what it returned may be anything. It is of another realm, so `instanceof` tells
 * nothing else.
 */
export function checkReturned(
  op: RunningOp,
  returned: unknown,
): Result<OpOutputs<string>, Failure> {
  if (types.isPromise(returned)) {
    returned.catch(() => undefined); // told of here already
    return err(mistake(op, "The op is async: run returned a promise", SYNCHRONOUS));
  }
  const result = (returned ?? {}) as Readonly<Record<string, unknown>>;
  if (result["ok"] === false) return err(refused(op, result["error"]));
  const value = result["value"];
  if (result["ok"] !== true || typeof value !== "object" || value === null) {
    return err(mistake(op, `run returned ${typeof returned}, no result`, RETURN));
  }
  return checkOutputs(op, value as Readonly<Record<string, unknown>>);
}

function checkOutputs(
  op: RunningOp,
  value: Readonly<Record<string, unknown>>,
): Result<OpOutputs<string>, Failure> {
  const roles = Object.keys(op.outputs);
  const taken: Record<string, string | Uint8Array> = {};
  for (const [role, kind] of Object.entries(op.outputs)) {
    const content = Object.hasOwn(value, role) ? value[role] : undefined;
    if (kind === "folder") {
      const next = "Declare the files that it makes as outputs of their own, or write a Python op.";
      return err(mistake(op, `The output ${role} is a folder; TypeScript ops make files`, next));
    }
    if (content === undefined) {
      const message = `The op said it was done but did not write its output ${role} (a ${kind})`;
      const next = "This is a mistake in the op: it must return every declared output.";
      return err({ ...mistake(op, message, next), reason: "output_missing" });
    }
    if (typeof content === "string" || types.isUint8Array(content)) {
      taken[role] = content;
      continue;
    }
    const message = `The op returned ${content === null ? "null" : `a value of type ${typeof content}`} for its output ${role}`;
    return err(mistake(op, message, "Return a string, or a Uint8Array."));
  }
  for (const role of Object.keys(value)) {
    if (roles.includes(role)) continue;
    const next = didYouMean(role, roles) ?? `Its outputs are: ${roles.join(", ")}.`;
    return err(mistake(op, `The op returned ${role}, which is not one of its outputs`, next));
  }
  return ok(taken);
}

const SYNCHRONOUS =
  "Write run as a plain function: an op gets its inputs whole and does nothing else.";
const RETURN = "End run with return ok({ role: text }), or return err({ reason, message }).";

const REASONS: readonly unknown[] = ["gate_failed", "bad_request", "op_failed"];

function refused(op: RunningOp, error: unknown): Failure {
  const said = (error ?? {}) as Partial<OpFailure>;
  if (typeof said.message !== "string" || !REASONS.includes(said.reason)) {
    return mistake(op, "The op refused without saying why", RETURN);
  }
  return { ...(said as OpFailure), place: { file: op.file }, target: op.target };
}

export const noRun = (op: RunningOp): Failure =>
  mistake(op, "The op exports no function run", "Add export function run(call) { … }.");

/** What it threw, and where in the compiled op: frames of aqm itself are left out. */
export function threw(op: RunningOp, thrown: unknown, at: readonly string[]): Failure {
  const error = types.isNativeError(thrown) ? thrown.message || thrown.name : thrown;
  return {
    ...mistake(op, `The op threw an error: ${errorText(error)}`, nextStepAfter(thrown)),
    ...(at.length === 0
      ? {}
      : {
          cause: at
            .slice(0, 5)
            .map((place) => `in .aqm/compiled/${place}`)
            .join("\n"),
        }),
  };
}

const nextStepAfter = (thrown: unknown): string =>
  types.isNativeError(thrown) && thrown.name === "ReferenceError"
    ? "An op has what the language has, and nothing of Node: hand over as a param or an input what it needs to know."
    : THROWN;

/** What an op reads beside its inputs and params would leave it fresh when that changes. */
export const undeclaredRead = (op: RunningOp, what: string): Failure =>
  mistake(
    op,
    `The op reads ${what}, which is not in its key`,
    "Hand over as a param or an input what it needs to know: aqm could not tell when its result is stale.",
  );

const THROWN = "This is a mistake in the op or in one of its inputs.";

const mistake = (op: RunningOp, message: string, nextStep: string): Failure => ({
  reason: "op_failed",
  message,
  target: op.target,
  place: { file: op.file },
  nextStep,
});

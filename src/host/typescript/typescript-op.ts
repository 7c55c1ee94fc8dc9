import { basename } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { OpFailure, OpOutputs } from "../../model/op.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { errorText } from "../disk/disk.ts";

/** An action of a TypeScript op, and the file that the op is written in. */
export interface RunningOp {
  readonly node: ActionNode;
  readonly file: string;
}

/** Types are gone when an op runs: what it returned may be anything. */
export function checkReturned(
  op: RunningOp,
  returned: unknown,
): Result<OpOutputs<string>, Failure> {
  if (returned instanceof Promise) {
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
  const { outputs } = op.node.declaration;
  const roles = Object.keys(outputs);
  for (const [role, { kind }] of Object.entries(outputs)) {
    const content = value[role];
    if (kind === "folder") {
      const next = "Declare the files that it makes as outputs of their own, or write a Python op.";
      return err(mistake(op, `The output ${role} is a folder; TypeScript ops make files`, next));
    }
    if (content === undefined) {
      const message = `The op said it was done but did not write its output ${role} (a ${kind})`;
      const next = "This is a mistake in the op: it must return every declared output.";
      return err({ ...mistake(op, message, next), reason: "output_missing" });
    }
    if (typeof content === "string" || content instanceof Uint8Array) continue;
    const message = `The op returned ${content === null ? "null" : `a value of type ${typeof content}`} for its output ${role}`;
    return err(mistake(op, message, "Return a string, or a Uint8Array."));
  }
  for (const role of Object.keys(value)) {
    if (roles.includes(role)) continue;
    const next = didYouMean(role, roles) ?? `Its outputs are: ${roles.join(", ")}.`;
    return err(mistake(op, `The op returned ${role}, which is no output of it`, next));
  }
  return ok(value as OpOutputs<string>);
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
  return { ...(said as OpFailure), place: { file: op.file }, target: op.node.id };
}

export const noRun = (op: RunningOp): Failure =>
  mistake(op, "The op exports no function run", "Add export function run(call) { … }.");

/** What it threw, and where in the compiled op: the frames of aqm itself help nobody. */
export function threw(op: RunningOp, error: unknown, compiled: string): Failure {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const at = stack
    .split("\n")
    .flatMap((line) => /\(?([^\s()]+:\d+:\d+)\)?$/.exec(line)?.[1] ?? [])
    .filter((place) => place.includes(basename(compiled)))
    .map((place) => `in .aqm/compiled/${place.slice(place.indexOf(basename(compiled)))}`);
  return {
    ...mistake(op, `The op threw an error: ${errorText(error)}`, THROWN),
    ...(at.length === 0 ? {} : { cause: at.slice(0, 5).join("\n") }),
  };
}

const THROWN = "This is a mistake in the op or in one of its inputs.";

const mistake = (op: RunningOp, message: string, nextStep: string): Failure => ({
  reason: "op_failed",
  message,
  target: op.node.id,
  place: { file: op.file },
  nextStep,
});

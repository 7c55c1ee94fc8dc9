import { basename } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { OpFailure, OpOutputs } from "../../model/op.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { errorText } from "../disk/disk.ts";

/** Types are gone when an op runs: what it returned may be anything. */
export function checkReturned(
  node: ActionNode,
  returned: unknown,
): Result<OpOutputs<string>, Failure> {
  if (returned instanceof Promise) {
    returned.catch(() => undefined); // told of here already
    return err(mistake(node, "The op is async: run returned a promise", SYNCHRONOUS));
  }
  const result = (returned ?? {}) as Readonly<Record<string, unknown>>;
  if (result["ok"] === false) return err(refused(node, result["error"]));
  const value = result["value"];
  if (result["ok"] !== true || typeof value !== "object" || value === null) {
    return err(mistake(node, `run returned ${typeof returned}, no result`, RETURN));
  }
  return checkOutputs(node, value as Readonly<Record<string, unknown>>);
}

function checkOutputs(
  node: ActionNode,
  value: Readonly<Record<string, unknown>>,
): Result<OpOutputs<string>, Failure> {
  const { outputs } = node.declaration;
  const roles = Object.keys(outputs);
  for (const [role, { kind }] of Object.entries(outputs)) {
    const content = value[role];
    if (kind === "folder") {
      const next = "Declare the files that it makes as outputs of their own, or write a Python op.";
      return err(mistake(node, `The output ${role} is a folder; TypeScript ops make files`, next));
    }
    if (content === undefined) {
      const message = `The op said it was done but did not write its output ${role} (a ${kind})`;
      const next = "This is a mistake in the op: it must return every declared output.";
      return err({ ...mistake(node, message, next), reason: "output_missing" });
    }
    if (typeof content === "string" || content instanceof Uint8Array) continue;
    const message = `The op returned ${content === null ? "null" : `a value of type ${typeof content}`} for its output ${role}`;
    return err(mistake(node, message, "Return a string, or a Uint8Array."));
  }
  for (const role of Object.keys(value)) {
    if (roles.includes(role)) continue;
    const next = didYouMean(role, roles) ?? `Its outputs are: ${roles.join(", ")}.`;
    return err(mistake(node, `The op returned ${role}, which is no output of it`, next));
  }
  return ok(value as OpOutputs<string>);
}

const SYNCHRONOUS =
  "Write run as a plain function: an op gets its inputs whole and does nothing else.";
const RETURN = "End run with return ok({ role: text }), or return err({ reason, message }).";

const REASONS: readonly unknown[] = ["gate_failed", "bad_request", "op_failed"];

function refused(node: ActionNode, error: unknown): Failure {
  const said = (error ?? {}) as Partial<OpFailure>;
  if (typeof said.message !== "string" || !REASONS.includes(said.reason)) {
    return mistake(node, "The op refused without saying why", RETURN);
  }
  return { ...(said as OpFailure), place: { file: opPath(node) }, target: node.id };
}

export const noRun = (node: ActionNode): Failure =>
  mistake(node, "The op exports no function run", "Add export function run(call) { … }.");

/** What it threw, and where in the compiled op: the frames of aqm itself help nobody. */
export function threw(node: ActionNode, error: unknown, compiled: string): Failure {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const at = stack
    .split("\n")
    .flatMap((line) => /\(?([^\s()]+:\d+:\d+)\)?$/.exec(line)?.[1] ?? [])
    .filter((place) => place.includes(basename(compiled)))
    .map((place) => `in .aqm/compiled/${place.slice(place.indexOf(basename(compiled)))}`);
  return {
    ...mistake(node, `The op threw an error: ${errorText(error)}`, THROWN),
    ...(at.length === 0 ? {} : { cause: at.slice(0, 5).join("\n") }),
  };
}

const THROWN = "This is a mistake in the op or in one of its inputs.";

const mistake = (node: ActionNode, message: string, nextStep: string): Failure => ({
  reason: "op_failed",
  message,
  target: node.id,
  place: { file: opPath(node) },
  nextStep,
});

const opPath = ({ declaration: { op } }: ActionNode): string =>
  op.runtime === "typescript" ? op.module : op.name;

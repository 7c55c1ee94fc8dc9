import type { ActionNode, GraphInput } from "../graph/graph.ts";
import type { Digest } from "../model/digest.ts";
import { provenanceDigest } from "../model/provenance.ts";
import { ABSENT, UNKNOWN, type ActionRecord } from "../model/record.ts";
import type { Cause, Verdict } from "../model/verdict.ts";
import type { InputState, Judgement } from "./judgement.ts";
import type { Knowledge, Unfit } from "./knowledge.ts";

/** The action that makes an input, as far as it has been judged, restored or run. */
export interface Maker extends Pick<Judgement, "result" | "absent"> {
  readonly verdict: Verdict;
}

/**
 * What is known of an action that makes inputs of others. Null when it is not part of the build: a result
 * from elsewhere stands for what it makes, or its output is only taken if it is there.
 */
export type MakerOf = (maker: ActionNode) => Maker | null;

/**
 * What is known of each input of an action, by role. A plan asks with makers as they will be, a build with
 * makers as they are: that both ask here is why a plan foretells what a build does.
 */
export function inputStates(
  node: ActionNode,
  makerOf: MakerOf,
  knowledge: Knowledge,
): ReadonlyMap<string, InputState> {
  const states = new Map<string, InputState>();
  for (const input of node.inputs) {
    const maker = input.producer === null ? null : makerOf(input.producer.action);
    const isSource = input.producer === null || doesWithout(input, maker);
    states.set(
      input.role,
      isSource
        ? sourceState(node, input, knowledge)
        : madeState(input, input.producer.action, maker, knowledge),
    );
  }
  return states;
}

/** An optional input is taken as it lies here where its maker will not make it now. */
const doesWithout = ({ optional, path }: GraphInput, maker: Maker | null): boolean =>
  optional === true && (maker === null || maker.verdict === "blocked" || maker.absent.has(path));

/** An input that another action makes. */
function madeState(
  input: GraphInput,
  producer: ActionNode,
  maker: Maker | null,
  knowledge: Knowledge,
): InputState {
  const { id } = producer;
  if (maker === null) return { state: "blocked", cause: { kind: "waits_for", producer: id } };
  if (maker.verdict === "blocked")
    return { state: "blocked", cause: { kind: "blocked_by", producer: id } };
  const digest = digestFor(input, maker.result);
  if (digest === undefined) return { state: "pending", producer: id };
  const present = !maker.absent.has(input.path);
  if (present && input.expect !== undefined) {
    const found = knowledge.observeInput(input);
    // What lies there until its maker has run says nothing of what will.
    if (found.state === "unfit" && found.digest === digest) return unfit(found);
  }
  return { state: "known", digest, present };
}

const unfit = ({ path, problem, nextStep }: Unfit): InputState => ({
  state: "blocked",
  cause: { kind: "input_unfit", path, problem, nextStep },
});

/** The digest that a result of its producer has for an input. */
const digestFor = (
  { kind, producer }: GraphInput,
  result: ActionRecord | null,
): Digest | undefined =>
  result === null
    ? undefined
    : kind === "record"
      ? provenanceDigest(result)
      : result.outputs[producer?.role ?? ""]?.digest;

/** A source input: observed, or taken over from the record when a clone lacks the file. */
function sourceState(node: ActionNode, input: GraphInput, knowledge: Knowledge): InputState {
  const found = knowledge.observeInput(input);
  if (found.state === "present") return { state: "known", digest: found.digest, present: true };
  if (input.optional === true && found.state === "missing")
    return { state: "known", digest: ABSENT, present: true };
  if (found.state === "unfit") return unfit(found);
  if (found.state === "unreadable") {
    return {
      state: "blocked",
      cause: { kind: "input_unreadable", path: input.path, error: found.error },
    };
  }
  // Only what has to be obtained may be absent from a clone; anything else is simply missing.
  const record = input.obtain === undefined ? null : knowledge.record(node);
  const digest = record?.action.inputs[input.role];
  if (
    digest !== undefined &&
    digest !== UNKNOWN &&
    digest !== ABSENT &&
    record?.input_paths[input.role] === inputPlace(input)
  ) {
    return { state: "known", digest, present: false };
  }
  return { state: "blocked", cause: inputMissing(input) };
}

/** Path of an input and which part of its content counts, as records say it. */
export const inputPlace = ({ path, include }: GraphInput): string =>
  include === undefined ? path : `${path} (${include.join(" ")})`;

export const inputMissing = (input: GraphInput): Cause => ({
  kind: "input_missing",
  path: input.path,
  ...(input.obtain === undefined ? {} : { obtain: input.obtain }),
});

import type { ActionNode } from "../graph/graph.ts";
import { actionKey, describeAction } from "../keys/describe.ts";
import type { Digest } from "../model/digest.ts";
import { NotJsonError } from "../model/json.ts";
import { adoptionOf } from "../model/adoption.ts";
import type { Absent, ActionDescription, ActionRecord } from "../model/record.ts";
import type { Cause } from "../model/verdict.ts";
import { checkOutputs, explain, regionEdits, type Demand } from "./compare.ts";
import { inputMissing, inputPlace, inputStates, type MakerOf } from "./inputs.ts";
import { changedSinceAdopted, judgeAdopted } from "./judge-adopted.ts";
import type { Case, InputState, Judgement } from "./judgement.ts";
import type { Keeper, Knowledge } from "./knowledge.ts";

/**
 * The one place that decides what happens to an action. Planning asks it with what is known before a
 * build, building asks it again with what is known by then. What its inputs are is worked out here too, so
 * they differ in `makerOf` and in nothing else.
 */
export function judge(
  node: ActionNode,
  makerOf: MakerOf,
  demand: Demand,
  knowledge: Knowledge,
): Judgement {
  const inputs = inputStates(node, makerOf, knowledge);
  return withEdits(judgeCase({ node, inputs, demand, knowledge }), node, knowledge);
}

/** A region that a person wrote in is more than an output that changed, and matters whatever else is due. */
function withEdits(judged: Judgement, node: ActionNode, knowledge: Knowledge): Judgement {
  if (judged.verdict === "fresh" || judged.verdict === "blocked") return judged;
  const edits = regionEdits(node, knowledge);
  if (edits.length === 0) return judged;
  const paths = new Set<string>(edits.map(({ path }) => path));
  const others = judged.causes.filter(
    (cause) => cause.kind !== "output_modified" || !paths.has(cause.path),
  );
  return { ...judged, causes: [...edits, ...others] };
}

function judgeCase(of: Case): Judgement {
  const { node, demand, knowledge } = of;
  if (demand.rerun === true) return asRerun(judgeByKey(of), of);
  const last = knowledge.record(node);
  const standing = last === null ? null : judgeAdopted(last, of, true);
  if (standing !== null) return standing;
  const judged = judgeByKey(of);
  if (judged.verdict === "fresh" || judged.verdict === "restore") return judged;
  for (const past of knowledge.adoptions(node)) {
    const restored = past.key === last?.key ? null : judgeAdopted(past, of, false);
    if (restored !== null) return restored;
  }
  return judged;
}

/** No result stands for an action that is to run again; only what it lacks can keep it from that. */
function asRerun(judged: Judgement, { node, inputs, knowledge }: Case): Judgement {
  const { verdict, causes, key, description } = judged;
  if (verdict === "blocked") return judged;
  const reasons = causes.filter(({ kind }) => kind !== "waits_for"); // it runs in any case
  return toRun(
    node,
    inputs,
    [...reasons, { kind: "rerun_asked" }],
    { key, description },
    knowledge,
  );
}

function judgeByKey({ node, inputs, demand, knowledge }: Case): Judgement {
  const record = knowledge.record(node);
  const adopted = record !== null && adoptionOf(record) !== null ? record : null;
  const blocked: Cause[] = [];
  const pending: Cause[] = [];
  const digests: Record<string, Digest | Absent> = {};
  for (const input of node.inputs) {
    const state = inputs.get(input.role);
    if (state === undefined) throw new Error(`no state for input ${input.role} of ${node.id}`);
    if (state.state === "blocked") blocked.push(state.cause);
    else if (state.state === "pending")
      pending.push({ kind: "waits_for", producer: state.producer });
    else digests[input.role] = state.digest;
  }
  const told =
    adopted === null ? [] : changedSinceAdopted(adopted, { node, inputs, demand, knowledge });
  if (blocked.length > 0) return without("blocked", unique([...told, ...blocked]));
  if (pending.length > 0) {
    if (knowledge.everBuilt(node)) return without("unknown", unique([...told, ...pending]));
    // There is no earlier result that any of its possible inputs could lead to.
    const unkeyed = { key: null, description: null };
    return toRun(node, inputs, [{ kind: "never_built" }], unkeyed, knowledge);
  }

  const { op } = node.declaration;
  const environment = op.runtime === "python" ? knowledge.environment(op.environment) : null;
  const description = describeAction(node, digests, knowledge.opSource(node), environment);
  const key = keyOf(node, description);
  const recorded = record?.key === key;
  const known = { key, description };

  const changed: readonly Cause[] = recorded
    ? []
    : record === null
      ? [{ kind: "never_built" }]
      : adopted !== null
        ? told
        : explain(record, description, node, knowledge.opSource(node));
  const here = recorded ? record : knowledge.trace(node, key);
  const learnt = knowledge.learnt(node, key);
  const past = (result: ActionRecord, from: Keeper): Standing =>
    standing(result, { from, changed, known, record }, { node, inputs, demand, knowledge });
  const ours = here === null ? null : past(here, "store");
  const judged = ours?.judgement ?? (learnt === null ? null : past(learnt, "shared").judgement);
  return judged ?? toRun(node, inputs, ours?.causes ?? changed, known, knowledge);
}

interface Standing {
  /** Null when the result cannot be brought back. */
  readonly judgement: Judgement | null;
  readonly causes: readonly Cause[];
}

/** Whether a result of the wanted key stands, because its outputs are there or can be brought back. */
function standing(
  result: ActionRecord,
  about: {
    /** Who knows of the result. */
    readonly from: Keeper;
    readonly changed: readonly Cause[];
    readonly known: { readonly key: Digest; readonly description: ActionDescription };
    readonly record: ActionRecord | null;
  },
  { node, demand, knowledge }: Case,
): Standing {
  const { from, changed, known, record } = about;
  const recorded = result === record;
  const { wrong, absent } = checkOutputs(node, result, demand, knowledge);
  const moved = recorded ? movedInputs(node, result) : [];
  if (recorded && wrong.length === 0 && moved.length === 0) {
    const fresh = {
      verdict: "fresh",
      causes: [],
      ...known,
      result,
      absent,
      missingFrom: [],
    } as const;
    return { judgement: fresh, causes: [] };
  }
  // What the last run left is no edit by hand, although an older result is wanted now.
  const isLastResult = (cause: Cause): boolean =>
    cause.kind === "output_modified" &&
    Object.values(record?.outputs ?? {}).some(
      ({ path, digest }) => path === cause.path && digest === cause.found,
    );
  const causes = [
    ...changed,
    ...moved,
    ...wrong.map(({ cause }) => cause).filter((cause) => !isLastResult(cause)),
  ];
  const keepers = wrong.map(({ digest }) => knowledge.kept(digest));
  if (keepers.includes(null)) return { judgement: null, causes };
  // What nobody asks for comes along from the store, where it costs nothing, and stays in a shared cache.
  const lost = Object.values(result.outputs)
    .filter(({ path, digest }) => absent.has(path) && knowledge.kept(digest) !== "store")
    .map(({ path }) => path);
  const restored = {
    verdict: "restore",
    causes,
    ...known,
    result: placed(result, node),
    from: from === "shared" || keepers.includes("shared") ? "shared" : "store",
    absent: new Set(lost),
    missingFrom: [],
  } as const;
  return { judgement: restored, causes };
}

/** Inputs of the same content that are declared at another path than the record says. */
const movedInputs = (node: ActionNode, { input_paths }: ActionRecord): readonly Cause[] =>
  node.inputs.flatMap((input) => {
    const [old, now] = [input_paths[input.role], inputPlace(input)];
    const field = `input_paths.${input.role}`;
    return old === now ? [] : [{ kind: "changed", field, old, new: now } as const];
  });

/** The same result, read from where its inputs are now. */
const placed = (result: ActionRecord, { inputs }: ActionNode): ActionRecord => ({
  ...result,
  input_paths: Object.fromEntries(inputs.map((input) => [input.role, inputPlace(input)])),
});

/** Params come from an Aqmfile, which may hold anything; the error should say whose they are. */
function keyOf(node: ActionNode, description: ActionDescription): Digest {
  try {
    return actionKey(description);
  } catch (error) {
    if (error instanceof NotJsonError) error.target = node.id;
    throw error;
  }
}

function toRun(
  node: ActionNode,
  inputs: ReadonlyMap<string, InputState>,
  causes: readonly Cause[],
  known: { readonly key: Digest | null; readonly description: ActionDescription | null },
  knowledge: Knowledge,
): Judgement {
  const missing: Cause[] = [];
  const missingFrom = new Set<ActionNode>();
  for (const input of node.inputs) {
    const state = inputs.get(input.role);
    if (state?.state !== "known" || state.present) continue;
    if (input.producer === null) missing.push(inputMissing(input));
    else missingFrom.add(input.producer.action);
  }
  const unsupported = knowledge.unsupported(node);
  if (unsupported !== null) missing.push({ kind: "unsupported_here", ...unsupported });
  return {
    verdict: missing.length > 0 ? "blocked" : "run",
    causes: [...causes, ...missing],
    ...known,
    result: null,
    absent: new Set(),
    missingFrom: [...missingFrom],
  };
}

function without(verdict: "blocked" | "unknown", causes: readonly Cause[]): Judgement {
  return {
    verdict,
    causes,
    key: null,
    description: null,
    result: null,
    absent: new Set(),
    missingFrom: [],
  };
}

function unique(causes: readonly Cause[]): readonly Cause[] {
  if (causes.length < 2) return causes;
  const seen = new Map<string, Cause>();
  for (const cause of causes) seen.set(JSON.stringify(cause), cause);
  return [...seen.values()];
}

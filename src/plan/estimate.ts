import type { ActionNode } from "../graph/graph.ts";
import { adoptionOf } from "../model/adoption.ts";
import { gpusUpTo, type BatchDeclaration, type Resources } from "../model/declaration.ts";
import { canonicalJson, type Json } from "../model/json.ts";
import type { ActionRecord } from "../model/record.ts";
import { inputPlace } from "./inputs.ts";
import type { Knowledge } from "./knowledge.ts";

/** From, to, and where in between one would bet. */
export interface Interval {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

/** The action's own earlier run; runs of others of its group or op; what its rule declares. */
export type Basis = "own" | "similar" | "prior";

/** What an action costs if it runs alone. */
export interface Estimate {
  readonly seconds: Interval;
  readonly gpuSeconds: Interval;
  readonly gpuMemoryBytes: Interval | null;
  /** How many ran together when the memory was measured. */
  readonly together: number;
  /** Over how many devices the memory was shared out when it was measured; the figure is that of the fullest. */
  readonly gpus: number;
  readonly basis: Basis;
}

export type EstimateCost = (node: ActionNode) => Estimate | null;

export interface CostEvidence {
  readonly record: (node: ActionNode) => ActionRecord | null;
  /** Every run that is known of; only asked for when an action has no record of its own. */
  readonly runs: () => Iterable<ActionRecord>;
  readonly inputBytes: (node: ActionNode) => number | null;
}

/** Runs vary that much from one to the next, within a group, and from one size to another. */
const SPREAD = { own: 1.25, group: 1.5, op: 2 };
const SHARED = 0.5;

/** See `cost.ts` for the model. */
export function estimateFrom(evidence: CostEvidence): EstimateCost {
  const known = new Map<ActionNode, Estimate | null>();
  let runs: RunIndex | null = null;
  return (node) => {
    let estimate = known.get(node);
    if (estimate !== undefined) return estimate;
    const own = madeHere(evidence.record(node));
    if (own !== null && opName(node) === own.action.op.name && sameLane(node, own)) {
      estimate = scaled(node, own, "own", SPREAD.own, evidence);
    } else {
      runs ??= new RunIndex(evidence.runs());
      estimate = fromOthers(node, runs, evidence) ?? declared(node);
    }
    known.set(node, estimate);
    return estimate;
  };
}

/** What was taken over, or continued from partial results, tells little about how long it takes to make. */
const madeHere = (record: ActionRecord | null): ActionRecord | null =>
  record === null || adoptionOf(record) !== null || reusedItems(record) > 0 ? null : record;

/** Items that the run did not measure itself, as the runner counts them. */
function reusedItems({ facts }: ActionRecord): number {
  const items = facts["items"] as { readonly reused?: unknown } | null | undefined;
  return typeof items?.reused === "number" ? items.reused : 0;
}

function fromOthers(node: ActionNode, runs: RunIndex, evidence: CostEvidence): Estimate | null {
  const sameOp = runs.ofOp(opName(node)).filter((run) => sameLane(node, run));
  const { batch } = node.declaration;
  const group =
    batch === undefined ? null : likeness(batch, node.declaration.params, placesOf(node));
  const sameGroup =
    batch === undefined
      ? []
      : sameOp.filter((run) => likeness(batch, run.action.params, run.input_paths) === group);
  const [candidates, spread] =
    sameGroup.length > 0 ? [sameGroup, SPREAD.group] : [sameOp, SPREAD.op];
  const estimates = candidates
    .map((run) => scaled(node, run, "similar", spread, evidence))
    .sort((a, b) => a.seconds.likely - b.seconds.likely);
  return estimates[Math.floor(estimates.length / 2)] ?? null;
}

/** What a run tells of an action that may have more to do, or larger inputs. */
function scaled(
  node: ActionNode,
  { cost, facts }: ActionRecord,
  basis: Basis,
  spread: number,
  evidence: CostEvidence,
): Estimate {
  const { together = 1, gpus: devices = 1, input_bytes: bytes = null } = cost.scale ?? {};
  const gpus = Math.max(1, devices);
  // Of a job that shares its work out each device has what one would have; of others it has a part. Not every member
  // of such a job needs to be one that could have several devices alone.
  const { resources } = node.declaration;
  const whole = gpusUpTo(resources) > resources.gpu || (together > 1 && gpus > resources.gpu);
  const now = bytes === null ? null : evidence.inputBytes(node);
  const size = now === null || bytes === null || bytes === 0 || now === 0 ? 1 : now / bytes;
  const alone = together / timeTogether(node, Array<number>(together).fill(1));
  const interval = (value: number): Interval => ({
    low: (value * Math.min(1, size)) / spread,
    likely: value * Math.sqrt(size),
    high: value * Math.max(1, size) * spread,
  });
  const time = alone * workRatio(node, facts, whole ? gpus : 1);
  const memory = cost.peak_gpu_memory_bytes;
  return {
    seconds: interval(cost.seconds * time),
    gpuSeconds: interval((cost.gpu_seconds / (whole ? gpus : 1)) * time),
    gpuMemoryBytes: memory === null ? null : interval(memory),
    together,
    gpus: whole ? 1 : gpus,
    basis,
  };
}

/** What the rule says; nothing is known of an action whose rule says nothing, but that light ones are quick. */
function declared({ declaration: { expected, resources } }: ActionNode): Estimate | null {
  if (expected === undefined) return asAskedFor(resources) ?? (isLight(resources) ? LIGHT : null);
  const interval = ([low, high]: readonly [number, number]): Interval => ({
    low,
    likely: Math.sqrt(low * high),
    high,
  });
  const { gpuSeconds, gpuMemoryBytes } = expected;
  return {
    seconds: interval(gpuSeconds),
    gpuSeconds: interval(gpuSeconds),
    gpuMemoryBytes: gpuMemoryBytes === undefined ? null : interval(gpuMemoryBytes),
    together: 1,
    gpus: 1,
    basis: "prior",
  };
}

/** An action takes no slot because it is over in milliseconds: so TypeScript ops, unless their rule says otherwise. */
const isLight = ({ cpu, gpu }: Resources): boolean => cpu === 0 && gpu === 0;

/** Of 186 recorded runs of TypeScript ops half took 24 ms or less, and 95 in 100 at most 365 ms; the longest took 2 s. */
const LIGHT: Estimate = {
  seconds: { low: 0.001, likely: 0.02, high: 0.5 },
  gpuSeconds: { low: 0, likely: 0, high: 0 },
  gpuMemoryBytes: null,
  together: 1,
  gpus: 1,
  basis: "prior",
};

/** What an action asks for is a bound, so the estimate is half of that bound. */
function asAskedFor({ seconds, gpu }: Resources): Estimate | null {
  if (seconds === undefined) return null;
  const upTo = (high: number): Interval => ({ low: 0, likely: high / 2, high });
  const gpuSeconds = upTo(seconds * gpu);
  return {
    ...{ seconds: upTo(seconds), gpuSeconds, gpuMemoryBytes: null },
    ...{ together: 1, gpus: 1, basis: "prior" },
  };
}

/** What a job takes whose members would take so long alone. */
export function timeTogether(node: ActionNode, alone: readonly number[]): number {
  const sum = alone.reduce((total, one) => total + one, 0);
  return alone.length < 2 ? sum : together(Math.max(...alone), sum, sharedPart(node));
}

/** What a job takes whose longest member would take so long alone, and all of them one after the other. */
export const together = (longest: number, sum: number, shared: number): number =>
  shared * longest + (1 - shared) * sum;

/** The part of a lone run's time that a job pays once for all its members. */
export const sharedPart = ({ declaration: { batch } }: ActionNode): number =>
  batch?.shared ?? SHARED;

/**
 * Time of the work that is declared now, on one device, to that of the work that an earlier run recorded, which was
 * shared out over so many.
 */
function workRatio(
  { declaration: { expected } }: ActionNode,
  facts: ActionRecord["facts"],
  gpus: number,
): number {
  const { work = {}, growth } = expected ?? {};
  const fixed = growth?.fixedSeconds ?? 0;
  let [now, then] = [0, 0];
  for (const [name, count] of Object.entries(work)) {
    const counted = facts[name];
    if (typeof counted !== "number" || !Number.isFinite(counted)) continue;
    const each = growth === undefined ? 1 : (growth.secondsEach[name] ?? 0);
    now += each * count;
    then += each * counted;
  }
  if (now + fixed > 0 && then + fixed > 0) return (now + fixed) / (then / gpus + fixed);
  return gpus;
}

/** Time of a job that shares its work out over so many devices to that on one: what is fixed, each of them has. */
export function sharedOutRatio({ declaration: { expected } }: ActionNode, gpus: number): number {
  const { work = {}, growth } = expected ?? {};
  if (growth === undefined) return 1 / gpus;
  const each = Object.entries(work).map(([name, count]) => (growth.secondsEach[name] ?? 0) * count);
  const shared = each.reduce((sum, one) => sum + one, 0);
  const whole = growth.fixedSeconds + shared;
  return whole > 0 ? (growth.fixedSeconds + shared / gpus) / whole : 1 / gpus;
}

/** Bytes over all inputs as they are now, or as they were last made; null when one is not known. */
export function inputBytes(
  node: ActionNode,
  knowledge: Pick<Knowledge, "observeInput" | "record">,
): number | null {
  let sum = 0;
  for (const input of node.inputs) {
    if (input.kind === "record") continue;
    const size =
      input.producer === null
        ? sizeOf(knowledge.observeInput(input))
        : knowledge.record(input.producer.action)?.outputs[input.producer.role]?.size;
    if (size === undefined) return null;
    sum += size;
  }
  return sum;
}

const sizeOf = (found: ReturnType<Knowledge["observeInput"]>): number | undefined =>
  found.state === "present" ? found.size : undefined;

/** Earlier versions did not record the lane; what took GPU time had a GPU. */
const sameLane = ({ declaration: { resources } }: ActionNode, { cost }: ActionRecord): boolean =>
  resources.gpu > 0 === (cost.scale?.gpus ?? cost.gpu_seconds) > 0;

const opName = ({ declaration: { op } }: ActionNode): string =>
  op.runtime === "python" ? op.name : op.module;

const placesOf = (node: ActionNode): Readonly<Record<string, string>> =>
  Object.fromEntries(node.inputs.map((input) => [input.role, inputPlace(input)]));

/** As `batchGroup`, of what a record still knows. */
function likeness(
  { apart }: BatchDeclaration,
  params: Readonly<Record<string, Json>>,
  places: Readonly<Record<string, string>>,
): string {
  const shared = <Value>(
    entries: Readonly<Record<string, Value>>,
  ): Readonly<Record<string, Value>> =>
    Object.fromEntries(Object.entries(entries).filter(([name]) => !apart.includes(name)));
  return canonicalJson([shared(params), shared(places)]);
}

class RunIndex {
  readonly #byOp = new Map<string, ActionRecord[]>();

  constructor(runs: Iterable<ActionRecord>) {
    for (const run of runs) {
      if (madeHere(run) === null) continue;
      const list = this.#byOp.get(run.action.op.name);
      if (list === undefined) this.#byOp.set(run.action.op.name, [run]);
      else list.push(run);
    }
  }

  ofOp(name: string): readonly ActionRecord[] {
    return this.#byOp.get(name) ?? [];
  }
}

import type { Digest } from "./digest.ts";
import type { Json, JsonObject } from "./json.ts";

/**
 * The canonical description of an action: what is hashed into the action key, and what `aqm why`
 * compares, field by field. One object serves both, so that they cannot disagree.
 */
export interface ActionDescription {
  /** Namespace epoch: raised when the meaning of a field changes. */
  readonly epoch: 1;
  readonly op: {
    readonly runtime: "python" | "typescript";
    readonly name: string;
    readonly version: number;
    /** Digest of a TypeScript op's minified bundle; null for Python. */
    readonly code: Digest | null;
    /** Source closure: path of each module that the op imports, and its digest. */
    readonly sources: Readonly<Record<string, Digest>>;
  };
  /** What Python ops run in; null for in-process ops. */
  readonly environment: EnvironmentDescription | null;
  readonly params: JsonObject;
  /** By role, not by path: a moved input with the same bytes changes nothing. */
  readonly inputs: Readonly<Record<string, Digest | Unknown | Absent>>;
  /** By role, for an op that looks at paths; absent for all others. */
  readonly input_paths?: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, { readonly path: string; readonly kind: string }>>;
}

/** Stands for an unknown digest, in records of adopted results alone. No content has this digest. */
export const UNKNOWN = "unknown";
export type Unknown = typeof UNKNOWN;

/** Stands for the digest of an optional input that is not there. No content has it. */
export const ABSENT = "absent";
export type Absent = typeof ABSENT;

export interface EnvironmentDescription {
  readonly name: string;
  /** Digest of the lock file. */
  readonly lock: Digest;
  readonly variables: Readonly<Record<string, string>>;
}

export interface OutputRecord {
  readonly path: string;
  readonly digest: Digest;
  /** Bytes, over all files of a folder. */
  readonly size: number;
}

export interface Cost {
  readonly seconds: number;
  readonly gpu_seconds: number;
  readonly peak_memory_bytes: number | null;
  readonly peak_gpu_memory_bytes: number | null;
  /** What another cost has to be compared by; absent where nothing had to wait for a lane. */
  readonly scale?: CostScale;
}

export interface CostScale {
  /** Actions in the same job; `seconds` is this one's share. */
  readonly together: number;
  readonly gpus: number;
  /** Over all inputs; null where that is not known. */
  readonly input_bytes: number | null;
}

/**
 * A trace (action key → outputs) with what explains it. Committed as a lock record, one small file
 * a target; it holds no host name, absolute path or time of day.
 */
export interface ActionRecord {
  readonly schema: 1;
  readonly target: string;
  readonly key: Digest;
  readonly action: ActionDescription;
  /** Where each input was, for people and for clones that lack it. */
  readonly input_paths: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, OutputRecord>>;
  readonly cost: Cost;
  /** The day (UTC) of the run, `2026-11-21`, for people; absent in adopted and in older records. */
  readonly made_on?: string;
  readonly tools: Readonly<Record<string, string>>;
  readonly facts: JsonObject;
  readonly audit: readonly Json[];
}

/**
 * The record of a result that was just made. What an action made before, of the same and to the bit, is still
 * that result: its record keeps the cost and the day that it has, and what was read before stays valid.
 */
export function resultOf(made: ActionRecord, last: ActionRecord | null): ActionRecord {
  const same =
    last?.key === made.key &&
    Object.entries(made.outputs).every(
      ([role, { digest }]) => last.outputs[role]?.digest === digest,
    );
  if (!same) return made;
  const { cost, made_on, tools, facts, audit } = last;
  const { made_on: _today, ...rest } = made;
  return { ...rest, cost, tools, facts, audit, ...(made_on === undefined ? {} : { made_on }) };
}

/** Of all lock records, relative to the workspace. */
export const LOCK_FOLDER = "aqm.lock";

/** Where the record of a target is, relative to the workspace. */
export const recordPath = (target: string): string => `${LOCK_FOLDER}/${target}.json`;

/** The output that an input is, or whose record it is. */
export const outputBehind = ({
  path,
  recordOf,
}: {
  readonly path: string;
  readonly recordOf?: string;
}): string => recordOf ?? path;

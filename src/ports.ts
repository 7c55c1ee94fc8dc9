/**
 * The edges of the engine: everything that touches disk, processes or the clock is behind one of
 * these, and `cli/` is the only place that plugs the real ones in.
 */
import type { ActionNode, GraphInput } from "./graph/graph.ts";
import type { Digest } from "./model/digest.ts";
import type { BuildEvent } from "./model/event.ts";
import type { Failure } from "./model/failure.ts";
import type { JsonObject } from "./model/json.ts";
import type { ActionRecord, Cost } from "./model/record.ts";
import type { Result } from "./model/result.ts";
import type { Knowledge } from "./plan/knowledge.ts";
import type { Lacking } from "./plan/lacking.ts";
import type { Lease } from "./schedule/lanes.ts";

export interface Ports {
  readonly clock: Clock;
  readonly workspace: Workspace;
  readonly executor: Executor;
  readonly lock: BuildLock;
}

export interface Clock {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** The day, UTC: `2026-11-21`. */
  readonly today: () => string;
}

/** What was put right before a build. */
export interface Recovered {
  /** Targets whose publication was finished. */
  readonly finished: readonly string[];
  /** Targets whose publication could not be finished: they will be made again. */
  readonly given_up: readonly string[];
  /** What else the user should know. */
  readonly notices: readonly string[];
}

/** What is in the workspace and what is recorded about it. */
export interface Workspace extends Knowledge {
  /** Finishes publications that a crash interrupted, as far as that is possible. */
  readonly recover: () => Promise<Result<Recovered, Failure>>;
  /**
   * Looks at every file that the given actions read and write, hashing what is not in the stat cache.
   * Afterwards the questions of `Knowledge` are answered without reading anything, unless `signal` cut
   * it short.
   */
  readonly survey: (
    nodes: readonly ActionNode[],
    progress: (event: BuildEvent) => void,
    signal?: AbortSignal,
  ) => Promise<void>;
  /** Looks again at one input, past the stat cache's first answer of this build. */
  readonly observeAgain: (input: GraphInput) => Promise<Digest | null>;
  /** A file of the op's code that changed since the key was made; null when none did. */
  readonly opChanged: (node: ActionNode) => string | null;
  /** A fresh staging folder for an action's outputs, on the workspace's file system. */
  readonly stage: (node: ActionNode) => Promise<Result<Stage, Failure>>;
  /** The place for partial results of an action that is about to run; null where none are kept. */
  readonly partialResults: (
    node: ActionNode,
    identity: Digest,
  ) => Result<PartialResults, Failure> | null;
  /** Digests, stores, moves into place and records the staged outputs, as one transaction. */
  readonly publish: (
    publication: Publication,
  ) => Promise<Result<{ readonly changed: boolean; readonly kept: readonly Replaced[] }, Failure>>;
  /** Why a region that the action fills is left to the person who edited it; null where none is edited. */
  readonly regionEdited: (node: ActionNode) => Failure | null;
  /** Whether `learn` would ask about this key. Without a shared cache, and once it was asked about, it would not. */
  readonly mayLearn: (key: Digest) => boolean;
  /**
   * Asks the shared cache, in one question, what it has of these results. True when something is known now that a
   * plan should be made on. Takes a bounded time; a cache that does not answer has nothing.
   */
  readonly learn: (lacking: readonly Lacking[]) => Promise<boolean>;
  /**
   * Brings recorded outputs back, but for the paths in `left`, from the store or the shared cache, and makes
   * `result` the record.
   */
  readonly restore: (
    node: ActionNode,
    result: ActionRecord,
    left: ReadonlySet<string>,
  ) => Promise<Result<readonly Replaced[], Failure>>;
  /** Writes caches; call once at the end of a command. */
  readonly close: () => Promise<void>;
}

/** What lay at an output's path although nothing that aqm did put it there, and where it is now. */
export interface Replaced {
  readonly path: string;
  /** Workspace-relative. */
  readonly kept: string;
}

export interface Stage {
  /** Absolute staging path by output role; parents exist, the path itself does not. */
  readonly paths: Readonly<Record<string, string>>;
  /** Moves what was staged aside for inspection; returns where, or null when nothing was written. */
  readonly keepAside: () => Promise<string | null>;
  readonly discard: () => Promise<void>;
}

/** Where an op may keep what it has measured, so that a later run of the same identity need not. */
export interface PartialResults {
  /** Absolute path of the folder of items; it need not be there. */
  readonly folder: string;
  /** Items were removed, because what they were measured from may have changed under an interrupted run. */
  readonly dropped: boolean;
  /** Nothing that the action reads has changed while it ran: its items count from now on. */
  readonly confirm: () => void;
  /** Something has: removes all items. */
  readonly discard: () => void;
  /** The run ended without a result: whether its items count is for the next run to find out. */
  readonly leave: () => void;
}

export interface Publication {
  readonly node: ActionNode;
  readonly stage: Stage;
  readonly record: Omit<ActionRecord, "outputs">;
}

/** What an execution reports beside its files. */
export interface Execution {
  readonly cost: Cost;
  /** How many devices the job had, where that may be fewer than its lease has. */
  readonly gpus?: number;
  readonly tools: Readonly<Record<string, string>>;
  readonly facts: JsonObject;
}

export interface ExecutionMember {
  readonly node: ActionNode;
  /** What names the work wherever it is carried: the same key asks for the same result. */
  readonly key: Digest;
  /** Must hold the outputs when the member has ended well. Where they are written until then is free. */
  readonly stage: Stage;
  /** Null where none are kept. */
  readonly partial: PartialResults | null;
}

/** One job: an action, or several of one batch group. */
export interface ExecutionRequest {
  readonly members: readonly ExecutionMember[];
  /** What events about the job as a whole are about; null for a job of one action. */
  readonly batch: string | null;
  readonly lease: Lease;
  readonly log: string;
  readonly emit: (event: BuildEvent) => void;
  /** This process no longer waits for the job. */
  readonly signal: AbortSignal;
  /** Told once of each member, as soon as it is over: others may still be at work. */
  readonly ended: (member: ExecutionMember, outcome: Result<Execution, Failure>) => void;
}

/**
 * Performs actions: writes their outputs to their stages. The port says nothing of processes, so an executor
 * may leave a job running when its `signal` is aborted or it is closed, and find it again by the keys of its
 * members when a later build asks for them. The executors of this machine end their processes then.
 */
export interface Executor {
  /** Resolves when the job is over, or no longer waited for, and all members have ended. */
  readonly execute: (request: ExecutionRequest) => Promise<void>;
  /** Told which actions are about to be carried, so that it can make ready what takes long; they may never come. */
  readonly foresee?: (
    nodes: readonly ActionNode[],
    about: Pick<ExecutionRequest, "emit" | "signal">,
  ) => void;
  /** Where the log of an action goes, workspace-relative. */
  readonly logPath: (node: ActionNode) => string | null;
  /** Lets go of all that the executor holds. The one who opened it calls this. */
  readonly close: () => Promise<void>;
}

/** What one executor has to do; which one takes a job, and where its log goes, is decided before. */
export type JobExecutor = Pick<Executor, "execute" | "close" | "foresee">;

/** For executors that take the members of a job one after the other. */
export const oneByOne =
  (
    execute: (
      member: ExecutionMember,
      request: ExecutionRequest,
    ) => Promise<Result<Execution, Failure>>,
  ): Executor["execute"] =>
  async (request) => {
    for (const member of request.members) request.ended(member, await execute(member, request));
  };

/** A file, or a folder of files, as it lies on this machine. */
export interface Content {
  readonly digest: Digest;
  readonly kind: "file" | "folder";
  /** Of a folder all, by their path in it; of a file the file itself, whose path counts for nothing. */
  readonly files: readonly {
    readonly path: string;
    readonly digest: Digest;
    /** Absolute path. */
    readonly source: string;
  }[];
}

/** `absent`: it is not there, or there is no telling. `damaged`: it was there, and is other content. */
export type Taken = "taken" | "absent" | "damaged";

/**
 * Results by key, contents by digest. Nothing that a cache does can fail a build: what it does not have, cannot
 * say or has damaged is made again. Contents are held against their digests whenever they are read.
 */
export interface ResultCache {
  /** Where it is, for people; without a user's name or password. */
  readonly place: string;
  /** The results of these keys that there are, each of which names contents that `has` may find. */
  readonly results: (
    asked: readonly { readonly target: string; readonly key: Digest }[],
  ) => Promise<ReadonlyMap<Digest, ActionRecord>>;
  /** Which of these contents are there as a whole. */
  readonly has: (contents: readonly Digest[]) => Promise<ReadonlySet<Digest>>;
  /** Makes the content at an absolute path where nothing is; where it is not `taken`, what is there is worth nothing. */
  readonly get: (content: Digest, kind: Content["kind"], target: string) => Promise<Taken>;
  /** Contents first, then the result: true once all of it is there. */
  readonly put: (result: ActionRecord, contents: readonly Content[]) => Promise<boolean>;
}

export interface BuildLock {
  /** Waits for other aqm processes that build in this workspace. */
  readonly acquire: (
    purpose: string,
    waiting: (owner: string) => void,
    signal: AbortSignal,
  ) => Promise<Result<() => Promise<void>, Failure>>;
}

/** Tells that something under some paths changed; never what, since everything is looked at again anyway. */
/** Absolute paths. */
export interface Watched {
  /** Files, and folders with all that is in them. */
  readonly paths: readonly string[];
  /** There may be very many. */
  readonly outputs: readonly string[];
  /** Places on the way to these, where a link is or may come: only such a place itself counts, not what is in it. */
  readonly ways: readonly string[];
}

export interface FileWatch {
  /**
   * Replaces what is watched. Resolves once the watch is on, to true when it was off for some of that until now,
   * so that a change may have gone unseen.
   */
  readonly set: (watched: Watched) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

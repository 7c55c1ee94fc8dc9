import type { JsonObject } from "./json.ts";
import type { SourcePlace } from "./failure.ts";
import type { SlurmSettings } from "./slurm.ts";

/** What an Aqmfile says, as plain data: no functions, no class instances, nothing resolved yet. */
export interface Declarations {
  readonly actions: readonly ActionDeclaration[];
  /** What `aqm build` without arguments builds. */
  readonly defaults: readonly string[];
  /** What is left out on purpose. */
  readonly skipped?: readonly SkippedDeclaration[];
}

/** A file or folder that could be made but is not. The reason is shown to those who ask for that path. */
export interface SkippedDeclaration {
  readonly path: string;
  readonly because: string;
  readonly coordinates?: Coordinates;
  readonly declaredAt?: SourcePlace;
}

export interface ActionDeclaration {
  readonly op: OpDeclaration;
  /** Values that change what comes out; all of them are in the key. */
  readonly params: JsonObject;
  readonly inputs: Readonly<Record<string, InputDeclaration>>;
  readonly outputs: Readonly<Record<string, OutputDeclaration>>;
  readonly resources: Resources;
  readonly batch?: BatchDeclaration;
  readonly resumable?: ResumableDeclaration;
  readonly expected?: ExpectedCost;
  /**
   * Words for the module that prepares the environment: what of it the action waits for. Without them that is all
   * of it. What comes out does not depend on it, so it is not in the key.
   */
  readonly prepares?: readonly string[];
  /** What a Slurm job for it asks for; false keeps it on this machine. Not in the key. */
  readonly slurm?: SlurmSettings | false;
  /** Which cell of a grid it was declared for, axis → value; never in the key. */
  readonly coordinates?: Coordinates;
  readonly declaredAt?: SourcePlace;
}

export type Coordinates = Readonly<Record<string, string>>;

/**
 * This action may run in one process together with others that equal it in op, environment, resources, and in
 * all params and inputs but these. It changes nothing of what comes out, so it is not in the key.
 */
export interface BatchDeclaration {
  /** Params, and roles of inputs, in which the members of a group may differ; an input differs in its path. */
  readonly apart: readonly string[];
  /** Members of one job at most. */
  readonly most?: number;
  /** The part of a lone run's time that a job pays once for all its members; a half if not said. */
  readonly shared?: number;
  /**
   * Members of one word share more than others do, so where a group is shared out over several jobs they stay
   * together if that makes no job longer. Any word; in no key.
   */
  readonly alike?: string;
}

/**
 * The op keeps partial results, one item after the other, so that a later run continues an earlier one. This
 * changes nothing of what comes out, so it is not in the key.
 */
export interface ResumableDeclaration {
  /**
   * Params that say how many items are wanted, as whole numbers; null is no bound. The op takes its items in a
   * fixed order and only as many as these allow, so runs that differ in nothing else share their items.
   */
  readonly bounds: readonly string[];
}

/** What is known of an action's cost before anything like it has run; not in the key. */
export interface ExpectedCost {
  /**
   * Counts that its time grows with, under the names that its result's facts have, so that an earlier run of
   * another size can be compared.
   */
  readonly work?: Readonly<Record<string, number>>;
  /** How its time grows with `work`; in proportion to the sum of the counts if not said. */
  readonly growth?: GrowthDeclaration;
  /** From and to, of an action that runs alone. */
  readonly gpuSeconds: readonly [number, number];
  readonly gpuMemoryBytes?: readonly [number, number];
  /** Where these figures come from. */
  readonly because: string;
}

/**
 * The time of a run as a part that is the same for every size (imports, loading) and a part for each unit of work.
 * An earlier run is scaled by the ratio of two such sums, so only the proportions of these seconds count.
 */
export interface GrowthDeclaration {
  readonly fixedSeconds: number;
  /** Seconds of one unit, by the names of `work`; a count that is not named adds nothing. */
  readonly secondsEach: Readonly<Record<string, number>>;
}

export type OpDeclaration =
  | {
      readonly runtime: "python";
      /** Module `ops/<name>.py` of the runner package. */
      readonly name: string;
      readonly environment: string;
    }
  | {
      readonly runtime: "typescript";
      /** The module that exports `version` and `run`: its path in the workspace, or `aqm/rules/…`. In the key. */
      readonly module: string;
    };

export interface InputDeclaration {
  /** Workspace-relative. */
  readonly path: string;
  /** A record is a lock record, of which only what it says of the run counts: see `provenance.ts`. */
  readonly kind: "file" | "folder" | "record";
  /** The target whose record it is. */
  readonly recordOf?: string;
  /** For a folder: only files whose relative path matches one of these patterns (`*` stops at `/`). */
  readonly include?: readonly string[];
  /** How to get it when it is missing; shown to the user. */
  readonly obtain?: string;
  /** What its content must be for the action to run at all; found out before anything runs, and not in the key. */
  readonly expect?: readonly Expectation[];
  /** What it is called elsewhere, by the hub that has it for instance: for those who recognise earlier artifacts. */
  readonly alias?: string;
  /** Taken as it lies here when its reader is built, or as absent: neither made nor missed for its sake. */
  readonly optional?: true;
}

/** Something that a JSON file of an input must say, or must not. */
export interface Expectation {
  /** Path in the folder. */
  readonly file: string;
  /** The key that is meant, from the top; without it the file itself is. */
  readonly at?: readonly string[];
  /** What may be there, as text. Without it nothing may be there: no file, no key, or null. */
  readonly oneOf?: readonly string[];
  /** Why it matters and what to do, for the user. */
  readonly otherwise: string;
}

export interface OutputDeclaration {
  /** Of a region, the file and the region's name: `README.md#runs`. */
  readonly path: string;
  /** A region is a part of a file that people write otherwise; only what is between its markers is made. */
  readonly kind: "file" | "folder" | "region";
  /**
   * `committed`: belongs into Git, must be in the workspace. `local`: too big for Git; when it is
   * absent but its record is known, only a consumer that has to run brings it back.
   */
  readonly keep: "committed" | "local";
}

/**
 * What an executor must have to take an action. It changes where and when an action runs and not what comes
 * out, so it is not in the key. What an action will probably take is another matter: `ExpectedCost`.
 */
export interface Resources {
  /** Slots of the CPU lane, clamped to `--jobs`; 0 for work that never has to wait. */
  readonly cpu: number;
  /** Devices of the GPU lane; 0 means that no device is visible to the action. */
  readonly gpu: number;
  /**
   * Devices that a job can share its work out over, each with a process of its own; it gets as many of these as are
   * free, and runs on one where no others are. Only with `gpu: 1`, and for an op that does so without changing a bit.
   */
  readonly upToGpus?: number;
  /** Main memory of a job, in bytes. An executor that has less refuses the action. */
  readonly memoryBytes?: number;
  /**
   * Wall time that an action takes at most when it runs alone. It is its prior where no `expected` says more,
   * and what an executor with time limits would ask for; on this machine nothing ends an action for it.
   */
  readonly seconds?: number;
}

/** Devices of which a job makes use, if they are free. */
export const gpusUpTo = ({ gpu, upToGpus = gpu }: Resources): number => Math.max(gpu, upToGpus);

/** The first of those that can use the most devices. */
export function widest<Item>(
  items: readonly Item[],
  resourcesOf: (item: Item) => Resources,
): Item | undefined {
  let [best, most] = [items[0], -1];
  for (const item of items) {
    const devices = gpusUpTo(resourcesOf(item));
    if (devices > most) [best, most] = [item, devices];
  }
  return best;
}

/** A Python environment that aqm makes itself from a hashed lock file. */
export interface EnvironmentDeclaration {
  readonly name: string;
  /** Direct requirements, one `name==version` a line: what a named interpreter must satisfy. */
  readonly requirements: string;
  /** Hashed lock file; its digest is in the key of every action that runs there. */
  readonly lock: string;
  /** The oldest Python that the locked packages run on, such as "3.11"; without it, the oldest that aqm takes. */
  readonly python?: string;
  /** Whether it is made only for an action that runs, or by its name: `aqm environment` alone passes over it. */
  readonly large?: boolean;
  /** Environment variables that ops run with; in the key. */
  readonly variables?: Readonly<Record<string, string>>;
  /**
   * Names of the user's own variables that ops may see, and why each cannot change a result: they are
   * not in the key.
   */
  readonly passed?: Readonly<Record<string, string>>;
  /**
   * Variables that name folders for what ops compile or fetch for this kind of machine: variable → folder
   * name, in the environment's own cache unless the user's shell names another one. Not in the key.
   */
  readonly caches?: Readonly<Record<string, string>>;
  /**
   * A Python module to run once for each kind of machine, before the first action that needs it. Its arguments are
   * what actions say that they need of it (`prepares`); without any it prepares all.
   */
  readonly prepare?: {
    readonly module: string;
    /** Only before GPU actions, and with their devices. */
    readonly gpu: boolean;
  };
}

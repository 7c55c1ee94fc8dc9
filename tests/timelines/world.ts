import type { BuildOutcome } from "../../src/execute/build.ts";
import type { ActionNode } from "../../src/graph/graph.ts";
import type { Selection } from "../../src/graph/select.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Failure } from "../../src/model/failure.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { err, ok, type Result } from "../../src/model/result.ts";
import type { Plan } from "../../src/plan/plan.ts";
import {
  oneByOne,
  type Execution,
  type ExecutionMember,
  type ExecutionRequest,
  type Executor,
  type Stage,
} from "../../src/ports.ts";
import type { Content, Place } from "../engine/support/content.ts";
import type { MemoryWorkspace } from "../engine/support/memory.ts";
import { AQMFILE, type Declared, type Project } from "./project.ts";
import type { Build, Forgettable, Times } from "./timeline.ts";

/** What Git would hold of a workspace. */
export interface Commit {
  readonly files: ReadonlyMap<string, string>;
  readonly records: ReadonlyMap<string, ActionRecord>;
}

export interface Request {
  readonly targets: readonly string[];
  readonly selection: Selection;
  readonly jobs: number;
  readonly keepGoing: boolean;
  readonly force: boolean;
  readonly during: (nth: number, when: NonNullable<Build["during"]>["when"]) => void;
  readonly signal: AbortSignal;
}

export interface Done {
  readonly outcome: BuildOutcome;
  readonly events: readonly BuildEvent[];
  /** Every execution that was begun, in order. */
  readonly executed: readonly string[];
}

/** A workspace and the engine on it: in memory, or on a disk. */
export interface World {
  /** Looks at all that is there, past every cache of the engine. */
  readonly glance: () => MemoryWorkspace;
  readonly write: (
    path: string,
    text: string,
    how: "in place" | "replace" | "link",
    times: Times,
  ) => void;
  readonly remove: (path: string) => void;
  readonly rename: (from: string, to: string) => void;
  readonly touch: (path: string, times: Times) => void;
  /** Puts what is at a path elsewhere, and a link to it in its place. */
  readonly linkAway: (path: string) => void;
  /**
   * Puts a folder elsewhere and a link in its place; or sets that link to a copy in which a file below the folder
   * is another; or puts the folder back. Nothing where there is no folder.
   */
  readonly linkFolder: (
    folder: string,
    how: "away" | "back" | { readonly path: string; readonly text: string },
  ) => void;
  /** Nothing where `from` is no file. */
  readonly hardLink: (from: string, to: string) => void;
  readonly setMode: (path: string, writable: boolean) => void;
  /** Nothing unless both are there. */
  readonly swap: (a: string, b: string) => void;
  readonly forget: (what: Forgettable) => void;
  readonly spoilRecord: (id: string, how: "delete" | "damage" | "damage in place") => void;
  /** False when there is no such blob. */
  readonly damageBlob: (content: Content) => boolean;
  readonly wait: (ms: number) => void;
  readonly checkout: (commit: Commit) => void;
  /** Goes on in a clone that holds just this, at another path. */
  readonly clone: (commit: Commit) => void;
  /** Goes on in a copy of everything, or at another path. */
  readonly moveHouse: (how: "copy" | "move") => void;
  /** How many actions are fresh, if that can be told at a glance. */
  readonly quickAnswer: (request: Pick<Request, "targets">) => number | null;
  readonly dryRun: (request: Pick<Request, "targets" | "selection">) => Promise<Plan>;
  readonly build: (request: Request) => Promise<Done>;
  /** Everything that a dry run must leave as it is, in one text. */
  readonly fingerprint: () => string;
  /** What a build put aside, since a person had written it. */
  readonly keptAside: () => readonly string[];
  /** What a build should not have left behind. */
  readonly litter: () => readonly string[];
  readonly close: () => void;
}

export const declaredIn = (files: ReadonlyMap<string, string>): Declared =>
  JSON.parse(files.get(AQMFILE) ?? '{"params":{},"versions":{}}') as Declared;

export function heldByGit(project: Project, glance: MemoryWorkspace): Commit {
  const local = project.outputs.filter(({ keep }) => keep === "local").map(({ path }) => path);
  const ignored = ["big", ...local];
  const held = [...glance.files].filter(
    ([path]) => !ignored.some((place) => path === place || path.startsWith(`${place}/`)),
  );
  return { files: new Map(held), records: new Map(glance.records) };
}

export interface ExecutorOptions {
  readonly project: Project;
  readonly version: (node: ActionNode) => number;
  readonly read: (place: Place) => Content | Error | null;
  readonly write: (stage: Stage, role: string, content: Content) => void;
  readonly during: Request["during"];
  /** Lets time go by. */
  readonly last: () => Promise<void>;
}

/** Runs the ops of a project in this process. */
export class ProjectExecutor implements Executor {
  readonly executed: string[] = [];
  readonly #options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  readonly execute = oneByOne((member, request) => this.#one(member, request));

  async #one(
    { node, stage }: ExecutionMember,
    { signal }: ExecutionRequest,
  ): Promise<Result<Execution, Failure>> {
    const { project, read, write, during, last, version } = this.#options;
    const nth = this.executed.push(node.id) - 1;
    during(nth, "before it reads");
    const inputs: Record<string, Content> = {};
    for (const input of node.inputs) {
      const content = read(input);
      if (content === null && input.optional === true) continue;
      if (content === null || content instanceof Error) {
        return err({ reason: "op_failed", message: `there is no input ${input.path}` });
      }
      inputs[input.role] = content;
    }
    await last();
    during(nth, "after it read");
    if (signal.aborted) return err({ reason: "cancelled", message: "cancelled" });
    const made = project.run(node, version(node), inputs);
    if (typeof made === "string" && made !== "output_missing") {
      if (made === "gate_failed") write(stage, "r0", "not good enough");
      return err({ reason: made, message: "it fails" });
    }
    if (typeof made !== "string") {
      for (const [role, content] of Object.entries(made)) write(stage, role, content);
    }
    await last();
    const cost = {
      seconds: 1,
      gpu_seconds: 0,
      peak_memory_bytes: null,
      peak_gpu_memory_bytes: null,
    };
    return ok({ cost, tools: {}, facts: { weather: project.weather() } });
  }

  logPath = (): null => null;
  close = (): Promise<void> => Promise.resolve();
}

import type { ActionNode, GraphInput } from "../../../src/graph/graph.ts";
import { standingAdoptions } from "../../../src/keys/adoptions.ts";
import type { OpSource } from "../../../src/keys/describe.ts";
import type { OutputDeclaration } from "../../../src/model/declaration.ts";
import { digestOfBytes, type Digest } from "../../../src/model/digest.ts";
import type { BuildEvent } from "../../../src/model/event.ts";
import type { Failure } from "../../../src/model/failure.ts";
import {
  resultOf,
  type ActionRecord,
  type EnvironmentDescription,
  type OutputRecord,
} from "../../../src/model/record.ts";
import { err, ok, type Result } from "../../../src/model/result.ts";
import type { RegionEditFate } from "../../../src/model/verdict.ts";
import type { Keeper, Observation } from "../../../src/plan/knowledge.ts";
import {
  oneByOne,
  type Execution,
  type ExecutionMember,
  type ExecutionRequest,
  type Executor,
  type Ports,
  type Publication,
  type Stage,
  type Workspace,
} from "../../../src/ports.ts";
import { contentAt, digestOf, observationOf, place, sizeOf, type Content } from "./content.ts";

/** A workspace whose files, records and store are maps: quick, and easy to look into. */
export class MemoryWorkspace implements Workspace {
  /** Content by path; a folder is there while a file is in it. */
  readonly files = new Map<string, string>();
  readonly records = new Map<string, ActionRecord>();
  readonly past: ActionRecord[] = [];
  readonly stored = new Map<Digest, Content>();
  readonly versions = new Map<string, number>();
  readonly unreadable = new Map<string, string>();
  readonly unsupportedNodes = new Map<string, { why: string; nextStep: string }>();
  /** Outputs that are too big for the store. */
  readonly tooBig = new Set<string>();
  lock: Digest = digestOfBytes("lock file");
  /** What becomes of words of a person in a region; null where nobody asks. */
  edits: RegionEditFate | null = null;
  readonly #staged = new WeakMap<Stage, Map<string, Content>>();

  observeInput(input: GraphInput): Observation {
    return this.#observe(input);
  }

  observeOutput(output: OutputDeclaration): Observation {
    return this.#observe(output);
  }

  #observe(place: GraphInput | OutputDeclaration): Observation {
    const error = this.unreadable.get(place.path);
    if (error !== undefined) return { state: "unreadable", error };
    return observationOf(contentAt(this.files, place, this.records));
  }

  record(node: ActionNode): ActionRecord | null {
    return this.records.get(node.id) ?? null;
  }

  trace(node: ActionNode, key: Digest): ActionRecord | null {
    const results = this.past.filter((record) => record.key === key);
    const here = results.find((record) =>
      Object.entries(node.declaration.outputs).every(([role, output]) => {
        const found = this.#observe(output);
        return found.state === "present" && found.digest === record.outputs[role]?.digest;
      }),
    );
    return here ?? results.at(-1) ?? null;
  }

  adoptions(node: ActionNode): readonly ActionRecord[] {
    return standingAdoptions(this.past.filter(({ target }) => target === node.id));
  }

  everBuilt(node: ActionNode): boolean {
    return this.records.has(node.id) || this.past.some(({ target }) => target === node.id);
  }

  learnt(): null {
    return null;
  }

  mayLearn(): boolean {
    return false;
  }

  learn(): Promise<boolean> {
    return Promise.resolve(false);
  }

  kept(digest: Digest): Keeper | null {
    return this.stored.has(digest) ? "store" : null;
  }

  regionEdited(): null {
    return null; // there is no region
  }

  regionEdit(_node: ActionNode, output: OutputDeclaration): RegionEditFate | null {
    const found = this.#observe(output);
    const isRegion = output.kind === "region" && found.state === "present";
    return isRegion && !this.#isMade(found.digest) ? this.edits : null;
  }

  #isMade(digest: Digest): boolean {
    const records = [...this.records.values(), ...this.past];
    const made = records.flatMap(({ outputs }) => Object.values(outputs));
    return this.stored.has(digest) || made.some((output) => output.digest === digest);
  }

  opSource({ declaration: { op } }: ActionNode): OpSource {
    const name = op.runtime === "python" ? op.name : op.module;
    const version = this.versions.get(name) ?? 1;
    return { version, code: null, sources: { [name]: digestOfBytes(`${name} ${version}`) } };
  }

  opChanged(): string | null {
    return null;
  }

  environment(): EnvironmentDescription {
    return { name: "python", lock: this.lock, variables: {} };
  }

  unsupported(node: ActionNode): { why: string; nextStep: string } | null {
    return this.unsupportedNodes.get(node.id) ?? null;
  }

  recover(): ReturnType<Workspace["recover"]> {
    return Promise.resolve(ok({ finished: [], given_up: [], notices: [] }));
  }

  survey(): Promise<void> {
    return Promise.resolve();
  }

  observeAgain(input: GraphInput): Promise<Digest | null> {
    const found = this.#observe(input);
    return Promise.resolve(found.state === "present" ? found.digest : null);
  }

  stage(node: ActionNode): Promise<Result<Stage, Failure>> {
    const stage: Stage = {
      paths: Object.fromEntries(Object.keys(node.declaration.outputs).map((role) => [role, role])),
      keepAside: () => Promise.resolve("aside"),
      discard: () => Promise.resolve(),
    };
    this.#staged.set(stage, new Map());
    return Promise.resolve(ok(stage));
  }

  partialResults(): null {
    return null;
  }

  writeStaged(stage: Stage, role: string, content: Content): void {
    this.#staged.get(stage)?.set(role, content);
  }

  publish({ node, stage, record }: Publication): ReturnType<Workspace["publish"]> {
    const before = this.record(node);
    const staged = this.#staged.get(stage);
    const outputs: Record<string, OutputRecord> = {};
    for (const role of Object.keys(node.declaration.outputs)) {
      if (staged?.has(role) === true) continue;
      const message = `${node.id} did not write ${role}`;
      return Promise.resolve(err({ reason: "output_missing", message }));
    }
    for (const [role, { path }] of Object.entries(node.declaration.outputs)) {
      const content = staged?.get(role) ?? "";
      const digest = digestOf(content);
      place(this.files, path, content);
      if (!this.tooBig.has(path)) this.stored.set(digest, content);
      outputs[role] = { path, digest, size: sizeOf(content) };
    }
    this.#keep(resultOf({ ...record, outputs }, before));
    const changed = Object.entries(outputs).some(
      ([role, { digest }]) => before?.outputs[role]?.digest !== digest,
    );
    return Promise.resolve(ok({ changed, kept: [] }));
  }

  restore(node: ActionNode, result: ActionRecord): ReturnType<Workspace["restore"]> {
    for (const { path, digest } of Object.values(result.outputs)) {
      const content = this.stored.get(digest);
      if (content !== undefined) place(this.files, path, content);
    }
    this.#keep(result);
    return Promise.resolve(ok([]));
  }

  #keep(record: ActionRecord): void {
    this.records.set(record.target, record);
    this.past.push(record);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What an op writes: content by output role, or the reason why it fails. */
export type MemoryOp = (
  node: ActionNode,
  inputs: Readonly<Record<string, string>>,
) => Readonly<Record<string, string>> | Failure["reason"];

/** Runs ops on the map; `turns` says for how many turns of the event loop an execution lasts. */
export class MemoryExecutor implements Executor {
  readonly executed: string[] = [];
  readonly #workspace: MemoryWorkspace;
  readonly #op: MemoryOp;
  readonly #turns: () => number;

  constructor(workspace: MemoryWorkspace, op: MemoryOp, turns: () => number = () => 1) {
    this.#workspace = workspace;
    this.#op = op;
    this.#turns = turns;
  }

  readonly execute = oneByOne((member, request) => this.#one(member, request));

  async #one(
    { node, stage }: ExecutionMember,
    { signal }: ExecutionRequest,
  ): Promise<Result<Execution, Failure>> {
    this.executed.push(node.id);
    const inputs: Record<string, string> = {};
    for (const { role, path } of node.inputs) {
      const content = this.#workspace.files.get(path);
      if (content === undefined) throw new Error(`${node.id} ran without its input ${path}`);
      inputs[role] = content;
    }
    for (let turn = this.#turns(); turn > 0; turn--) await Promise.resolve();
    if (signal.aborted) return err({ reason: "cancelled", message: "cancelled" });
    const outputs = this.#op(node, inputs);
    if (typeof outputs === "string") return err({ reason: outputs, message: "it fails" });
    for (const [role, content] of Object.entries(outputs)) {
      this.#workspace.writeStaged(stage, role, content);
    }
    const cost = {
      seconds: 1,
      gpu_seconds: 0,
      peak_memory_bytes: null,
      peak_gpu_memory_bytes: null,
    };
    return ok({ cost, tools: {}, facts: {} });
  }

  logPath(): string | null {
    return null;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const memoryPorts = (workspace: MemoryWorkspace, executor: Executor): Ports => ({
  clock: { now: () => 0, today: () => "2026-01-01" },
  workspace,
  executor,
  lock: { acquire: () => Promise.resolve(ok(() => Promise.resolve())) },
});

/** Targets by what became of them. */
export function settled(
  events: readonly BuildEvent[],
  verdict: "fresh" | "restored" | "ran",
): string[] {
  return events.flatMap((event) =>
    event.type === "action_settled" && event.verdict === verdict ? [event.target] : [],
  );
}

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ActionNode } from "../../graph/graph.ts";
import type { Failure } from "../../model/failure.ts";
import { canonicalJson } from "../../model/json.ts";
import type { OpOutputs } from "../../model/op.ts";
import { err, ok, type Result } from "../../model/result.ts";
import {
  oneByOne,
  type Execution,
  type ExecutionMember,
  type ExecutionRequest,
  type JobExecutor,
} from "../../ports.ts";
import type { OpSources } from "../code/op-sources.ts";
import { disk } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import type { Layout } from "../disk/layout.ts";
import { cancelled } from "../process/cancelled.ts";
import { provenanceAt } from "../records/records.ts";
import type { OpRequestInput } from "./op-request.ts";
import { opThread, type OpThread } from "./op-thread.ts";

/** Runs TypeScript ops in a thread of this process, and writes what they return. */
export class TypescriptExecutor implements JobExecutor {
  readonly #layout: Layout;
  readonly #opSources: OpSources;
  readonly #thread: OpThread;

  constructor(layout: Layout, opSources: OpSources) {
    this.#layout = layout;
    this.#opSources = opSources;
    this.#thread = opThread(pathToFileURL(join(layout.packageRoot, "dist/op-worker.js")));
  }

  readonly execute = oneByOne((member, request) => this.#one(member, request));

  /** The thread stays for the next build of this process; it does not keep the process alive. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #one(
    { node, stage }: ExecutionMember,
    request: ExecutionRequest,
  ): Promise<Result<Execution, Failure>> {
    const called = await this.#call(node, request);
    if (!called.ok) return called;
    const { outputs, seconds } = called.value;
    try {
      for (const [role, path] of Object.entries(stage.paths)) {
        const content = outputs[role];
        if (content !== undefined) disk.write(path, content); // synced when it is published
      }
    } catch (error) {
      return err(diskFailure(error, node.id));
    }
    return ok({
      cost: {
        seconds: Math.round(seconds * 1000) / 1000,
        gpu_seconds: 0,
        peak_memory_bytes: null,
        peak_gpu_memory_bytes: null,
      },
      tools: {},
      facts: {},
    });
  }

  async #call(
    node: ActionNode,
    { emit, signal }: ExecutionRequest,
  ): Promise<Result<{ readonly outputs: OpOutputs<string>; readonly seconds: number }, Failure>> {
    const code = await this.#opSources.compiledModule(node);
    if (!code.ok) return code;
    const { params, outputs } = node.declaration;
    const kinds = Object.entries(outputs).map(([role, { kind }]) => [role, kind] as const);
    const call = {
      op: {
        target: node.id,
        file: this.#opSources.moduleFile(node),
        outputs: Object.fromEntries(kinds),
      },
      code: code.value,
      params: canonicalJson(params), // as the key saw them: no -0, no undefined, sorted
      inputs: this.#inputs(node),
      print: (message: string) =>
        emit({ type: "action_warning", target: node.id, code: "printed", message }),
    };
    const answer = await this.#thread.run(call, signal);
    if (answer === null) return err(cancelled());
    const { outcome, seconds } = answer;
    return outcome.ok ? ok({ outputs: outcome.value, seconds }) : outcome;
  }

  #inputs(node: ActionNode): readonly OpRequestInput[] {
    const showsPath = this.#opSources.of(node).readsPaths === true;
    return node.inputs
      .map(({ role, path, kind }) => {
        const absolute = join(this.#layout.root, path);
        // Records are checked whenever they are read: once is enough.
        const record = kind === "record" ? provenanceAt(absolute) : undefined;
        return { role, path, showsPath, absolute, record };
      })
      .sort((a, b) => (a.role < b.role ? -1 : 1)); // the key does not say in which order they were declared
  }
}

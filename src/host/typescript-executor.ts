import * as fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ActionNode } from "../graph/graph.ts";
import type { Failure } from "../model/failure.ts";
import { canonicalJson, type JsonObject } from "../model/json.ts";
import type { OpCall, OpFailure, OpOutputs, TypescriptOpModule } from "../model/op.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Execution, ExecutionRequest } from "../ports.ts";
import { disk, diskFailure, errorText } from "./disk.ts";
import type { Layout } from "./layout.ts";
import type { OpSources } from "./op-sources.ts";

/** Runs TypeScript ops: reads the inputs, calls a pure function, writes what it returns. */
export class TypescriptExecutor {
  readonly #layout: Layout;
  readonly #opSources: OpSources;

  constructor(layout: Layout, opSources: OpSources) {
    this.#layout = layout;
    this.#opSources = opSources;
  }

  async execute({ node, stage }: ExecutionRequest): Promise<Result<Execution, Failure>> {
    const started = performance.now();
    const outputs = await this.#call(node);
    if (!outputs.ok) return outputs;
    try {
      for (const [role, path] of Object.entries(stage.paths)) {
        const content = outputs.value[role];
        if (content !== undefined) disk.write(path, content); // synced when it is published
      }
    } catch (error) {
      return err(diskFailure(error, node.id));
    }
    const seconds = Math.round(performance.now() - started) / 1000;
    return ok({
      cost: { seconds, gpu_seconds: 0, peak_memory_bytes: null, peak_gpu_memory_bytes: null },
      tools: {},
      facts: {},
    });
  }

  async #call(node: ActionNode): Promise<Result<OpOutputs<string>, Failure>> {
    const inputs: Record<string, { path: string; text: () => string }> = {};
    for (const { role, path } of node.inputs) {
      const absolute = join(this.#layout.root, path);
      inputs[role] = { path, text: () => fs.readFileSync(absolute, "utf8") };
    }
    const call: OpCall<object, string> = { params: jsonCopy(node.declaration.params), inputs };
    const compiled = await this.#opSources.compiledModule(node);
    if (!compiled.ok) return compiled;
    try {
      const url = pathToFileURL(compiled.value).href;
      const module = (await import(url)) as TypescriptOpModule<object, string, string>;
      const outputs = module.run(call);
      return outputs.ok ? outputs : err(refused(node, outputs.error));
    } catch (error) {
      return err({
        reason: "op_failed",
        message: `The op threw an error: ${errorText(error)}`,
        place: { file: opPath(node) },
        ...(error instanceof Error && error.stack !== undefined ? { cause: error.stack } : {}),
        nextStep: "This is a mistake in the op or in one of its inputs.",
      });
    }
  }
}

/** As the key saw them (no -0, no undefined), and the op's own to change. */
const jsonCopy = (params: JsonObject): object => JSON.parse(canonicalJson(params)) as object;

const refused = (node: ActionNode, failure: OpFailure): Failure => ({
  ...failure,
  place: { file: opPath(node) },
});

const opPath = ({ declaration: { op } }: ActionNode): string =>
  op.runtime === "typescript" ? op.module : op.name;

import { isUtf8 } from "node:buffer";
import * as fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ActionNode } from "../../graph/graph.ts";
import { digestOfBytes } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { canonicalJson, type JsonObject } from "../../model/json.ts";
import type { OpCall, OpInput, OpOutputs, TypescriptOpModule } from "../../model/op.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { oneByOne, type Execution, type ExecutionMember, type JobExecutor } from "../../ports.ts";
import { disk, errorCode, errorText } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import type { Layout } from "../disk/layout.ts";
import type { OpSources } from "../code/op-sources.ts";
import { provenanceAt } from "../records/records.ts";
import { checkReturned, noRun, threw } from "./typescript-op.ts";

/** Runs TypeScript ops in this process: reads the inputs, calls a pure function, writes what it returns. */
export class TypescriptExecutor implements JobExecutor {
  readonly #layout: Layout;
  readonly #opSources: OpSources;

  constructor(layout: Layout, opSources: OpSources) {
    this.#layout = layout;
    this.#opSources = opSources;
  }

  readonly execute = oneByOne((member) => this.#one(member));

  /** There is nothing to close: an op is over before its call returns. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #one({ node, stage }: ExecutionMember): Promise<Result<Execution, Failure>> {
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
    const inputs: Record<string, OpInput> = {};
    const unreadable: Failure[] = [];
    for (const { role, path, kind } of node.inputs) {
      const absolute = join(this.#layout.root, path);
      // Records are checked whenever they are read: once is enough.
      const record = kind === "record" ? provenanceAt(absolute) : null;
      const read = (): Buffer => {
        const found = kind === "record" ? asInput(record, path) : readInput(this.#layout, path);
        if (found.ok) return found.value;
        unreadable.push({ ...found.error, target: node.id });
        throw new Error(found.error.message);
      };
      const text = (): string => read().toString("utf8");
      const isThere = (): boolean =>
        kind === "record" ? record !== null : fs.existsSync(absolute);
      inputs[role] = { path, text, isThere, digest: () => digestOfBytes(read()) };
    }
    const call: OpCall<object, string> = { params: jsonCopy(node.declaration.params), inputs };
    const op = { node, file: this.#opSources.moduleFile(node) };
    const compiled = await this.#opSources.compiledModule(node);
    if (!compiled.ok) return compiled;
    try {
      const module = (await import(pathToFileURL(compiled.value).href)) as Partial<
        TypescriptOpModule<object, string, string>
      >;
      if (typeof module.run !== "function") return err(noRun(op));
      const returned: unknown = module.run(call);
      // Whatever the op made of it, what it could not read is the cause.
      return unreadable[0] === undefined ? checkReturned(op, returned) : err(unreadable[0]);
    } catch (error) {
      return err(unreadable[0] ?? threw(op, error, compiled.value));
    }
  }
}

const asInput = (record: string | null, path: string): Result<Buffer, Failure> =>
  record === null ? err(goneInput(path)) : ok(Buffer.from(record));

/** Text, or nothing: a byte that is not UTF-8 would silently become another character. */
function readInput(layout: Layout, path: string): Result<Buffer, Failure> {
  try {
    const bytes = fs.readFileSync(join(layout.root, path));
    if (isUtf8(bytes)) return ok(bytes);
    return err({
      reason: "input_unreadable",
      message: `The input ${path} is not UTF-8 text`,
      place: { file: path },
      nextStep: "Convert it, or read it in a Python op: TypeScript ops take text.",
    });
  } catch (error) {
    const failure = goneInput(path);
    if (errorCode(error) === "ENOENT") return err({ ...failure, cause: errorText(error) });
    const message = `The input ${path} cannot be read`;
    return err({ ...failure, reason: "input_unreadable", message, cause: errorText(error) });
  }
}

const goneInput = (path: string): Failure => ({
  reason: "input_missing",
  message: `The input ${path} is gone`,
  place: { file: path },
  nextStep: "Bring it back, then run the same command again; nothing was recorded.",
});

/** As the key saw them (no -0, no undefined), and the op's own to change. */
const jsonCopy = (params: JsonObject): object => JSON.parse(canonicalJson(params)) as object;

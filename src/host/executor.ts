import { join, relative } from "node:path";
import type { ActionNode } from "../graph/graph.ts";
import type { ExecutionRequest, Executor } from "../ports.ts";
import { fileNameOf, type Layout } from "./disk/layout.ts";
import type { PythonExecutor } from "./python/python-executor.ts";
import type { TypescriptExecutor } from "./typescript/typescript-executor.ts";

/** Runs actions on this machine: TypeScript ops in this process, Python ops in runners. */
export class LocalExecutor implements Executor {
  readonly #layout: Layout;
  readonly #typescript: TypescriptExecutor;
  readonly #python: PythonExecutor;

  constructor(layout: Layout, typescript: TypescriptExecutor, python: PythonExecutor) {
    this.#layout = layout;
    this.#typescript = typescript;
    this.#python = python;
  }

  execute(request: ExecutionRequest): Promise<void> {
    const op = request.members[0]?.node.declaration.op;
    return op?.runtime === "python"
      ? this.#python.execute(request, op)
      : this.#typescript.execute(request);
  }

  logPath(node: ActionNode): string | null {
    if (node.declaration.op.runtime !== "python") return null;
    const absolute = join(this.#layout.logs, `${fileNameOf(node.id)}.log`);
    return relative(this.#layout.root, absolute);
  }

  close(): Promise<void> {
    return this.#python.close();
  }
}

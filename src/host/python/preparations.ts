import * as fs from "node:fs";
import { join, relative } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import { digestOfBytes } from "../../model/digest.ts";
import type { BuildEvent } from "../../model/event.ts";
import type { Failure } from "../../model/failure.ts";
import { canonicalJson } from "../../model/json.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { disk, readTextIfExists, writeFileAtomic } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import { acquireFileLock } from "../process/file-lock.ts";
import type { Layout } from "../disk/layout.ts";
import { pythonRoot } from "../code/python-root.ts";
import { runToEnd } from "../process/process.ts";
import type { PreparedEnvironment } from "./python-environment.ts";
import { cacheVariables, machineFolder, moduleArguments, runnerEnvironment } from "./runner-environment.ts";
import { cancelled } from "../process/cancelled.ts";

export interface PreparationRequest {
  readonly declared: EnvironmentDeclaration;
  readonly prepared: PreparedEnvironment;
  readonly gpus: readonly string[];
  /** What of it is needed (`neededOf`); null is all. */
  readonly needs: readonly string[] | null;
  readonly emit: (event: BuildEvent) => void;
  readonly signal: AbortSignal;
  /** The process that works, so that its devices stay leased as long as it lives. */
  readonly started: (pid: number) => void;
  /** Told when there is something to do: it takes a minute, in which other things can be begun. */
  readonly meanwhile?: () => void;
}

/** What actions need of the preparation of their environment, each word once, in order; null is all of it. */
export function neededOf(nodes: readonly ActionNode[]): readonly string[] | null {
  const words = nodes.map(({ declaration }) => declaration.prepares ?? null);
  if (words.includes(null)) return null;
  return [...new Set(words.flatMap((each) => each ?? []))].sort();
}

/**
 * What an environment wants to have done once for each kind of machine, such as compiling kernels. That
 * it was done is remembered beside the environment, for each word of `prepares` or for all of it; the memory
 * fits one module, interpreter and folder.
 */
export class Preparations {
  readonly #layout: Layout;
  readonly #known = new Map<string, Promise<Result<void, Failure>>>();
  /** One after the other for a machine: the second may find that the first has done all. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  ensure(request: PreparationRequest): Promise<Result<void, Failure>> {
    const { prepare } = request.declared;
    if (
      prepare === undefined ||
      request.needs?.length === 0 ||
      (prepare.gpu && request.gpus.length === 0)
    )
      return Promise.resolve(ok(undefined));
    const folder = machineFolder(request.prepared, request.gpus);
    const asked = JSON.stringify([folder, prepare.module, request.needs]);
    let known = this.#known.get(asked);
    if (known === undefined) {
      const before = this.#last.get(folder) ?? Promise.resolve();
      known = before.then(() => this.#once(request, prepare.module, folder));
      this.#known.set(asked, known);
      this.#last.set(folder, known);
    }
    return known;
  }

  async #once(
    request: PreparationRequest,
    module: string,
    folder: string,
  ): Promise<Result<void, Failure>> {
    const { declared, prepared, gpus, needs, emit, signal } = request;
    if (signal.aborted) return err(cancelled()); // it may have waited for another preparation
    const caches = cacheVariables(prepared, declared, gpus);
    const source = join(pythonRoot(this.#layout), `${module.replaceAll(".", "/")}.py`);
    const wanted = canonicalJson({
      module,
      source: digestOfBytes(readTextIfExists(source) ?? ""),
      python: prepared.python,
      caches,
    });
    const all = join(folder, `prepared-${module}.json`);
    const each = needs?.map((word) => join(folder, `prepared-${module}-${word}.json`)) ?? [all];
    const isWritten = (marker: string): boolean => readTextIfExists(marker) === wanted;
    const isDone = (): boolean =>
      (isWritten(all) || each.every(isWritten)) &&
      Object.values(caches).every((cache) => fs.existsSync(cache));
    try {
      if (isDone()) return ok(undefined);
      const lock = await acquireFileLock(
        `${all}.lock`,
        `the preparation of ${declared.name}`,
        (owner) => emit({ type: "waiting_for_lock", owner, path: all }),
        signal,
      );
      if (!lock.ok) return lock;
      try {
        if (isDone()) return ok(undefined); // by the process that we waited for
        request.meanwhile?.();
        const ran = await this.#run(request, module, source);
        if (!ran.ok) return ran;
        for (const cache of Object.values(caches)) disk.makeUserFolder(cache);
        for (const marker of each) writeFileAtomic(marker, wanted);
        return ok(undefined);
      } finally {
        await lock.value();
      }
    } catch (error) {
      return err(diskFailure(error, all));
    }
  }

  async #run(
    { declared, prepared, gpus, needs, emit, signal, started }: PreparationRequest,
    module: string,
    source: string,
  ): Promise<Result<void, Failure>> {
    const say = (message: string): void =>
      emit({
        type: "environment",
        name: declared.name,
        state: "preparing",
        message,
        done: 0,
        total: null,
      });
    say(`preparing it for this machine (${module})`);
    const { root, logs } = this.#layout;
    const log = join(logs, `prepare-${declared.name}.log`);
    const lines: string[] = [];
    const { code, stderr } = await runToEnd(prepared.python, moduleArguments(this.#layout, module, ...(needs ?? [])), {
      cwd: root,
      onlyEnv: runnerEnvironment(this.#layout, prepared, declared, gpus),
      said: (line) => {
        lines.push(line);
        say(line);
      },
      started,
      signal,
    });
    disk.makeFolder(logs);
    disk.write(log, `${lines.join("\n")}\n${stderr}`);
    if (signal.aborted) return err(cancelled());
    if (code !== 0) {
      return err({
        reason: "environment_failed",
        message: `Preparing the Python environment ${declared.name} for this machine failed: ${module} ended with ${code === null ? "a signal" : `code ${code}`}`,
        place: { file: fs.existsSync(source) ? relative(root, source) : prepared.python },
        cause: (stderr.trim() || lines.join("\n")).slice(-800),
        nextStep: "Look at the cause; the next build tries it again.",
        log: relative(root, log),
      });
    }
    emit({
      type: "environment",
      name: declared.name,
      state: "ready",
      message: module,
      done: 1,
      total: 1,
    });
    return ok(undefined);
  }
}

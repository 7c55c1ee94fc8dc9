import * as fs from "node:fs";
import { join, relative } from "node:path";
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
  readonly emit: (event: BuildEvent) => void;
  readonly signal: AbortSignal;
  /** The process that works, so that its devices stay leased as long as it lives. */
  readonly started: (pid: number) => void;
  /** Told when there is something to do: it takes a minute, in which other things can be begun. */
  readonly meanwhile?: () => void;
}

/**
 * What an environment wants to have done once for each kind of machine, such as compiling kernels. That
 * it was done is remembered beside the environment; the memory fits one module, interpreter and folder.
 */
export class Preparations {
  readonly #layout: Layout;
  readonly #known = new Map<string, Promise<Result<void, Failure>>>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  ensure(request: PreparationRequest): Promise<Result<void, Failure>> {
    const { prepare } = request.declared;
    if (prepare === undefined || (prepare.gpu && request.gpus.length === 0))
      return Promise.resolve(ok(undefined));
    const marker = join(
      machineFolder(request.prepared, request.gpus),
      `prepared-${prepare.module}.json`,
    );
    let known = this.#known.get(marker);
    if (known === undefined) {
      known = this.#once(request, prepare.module, marker);
      this.#known.set(marker, known);
    }
    return known;
  }

  async #once(
    request: PreparationRequest,
    module: string,
    marker: string,
  ): Promise<Result<void, Failure>> {
    const { declared, prepared, gpus, emit, signal } = request;
    const caches = cacheVariables(prepared, declared, gpus);
    const source = join(pythonRoot(this.#layout), `${module.replaceAll(".", "/")}.py`);
    const wanted = canonicalJson({
      module,
      source: digestOfBytes(readTextIfExists(source) ?? ""),
      python: prepared.python,
      caches,
    });
    const isDone = (): boolean =>
      readTextIfExists(marker) === wanted &&
      Object.values(caches).every((folder) => fs.existsSync(folder));
    try {
      if (isDone()) return ok(undefined);
      const lock = await acquireFileLock(
        `${marker}.lock`,
        `the preparation of ${declared.name}`,
        (owner) => emit({ type: "waiting_for_lock", owner, path: marker }),
        signal,
      );
      if (!lock.ok) return lock;
      try {
        if (isDone()) return ok(undefined); // by the process that we waited for
        request.meanwhile?.();
        const ran = await this.#run(request, module, source);
        if (!ran.ok) return ran;
        for (const folder of Object.values(caches)) disk.makeUserFolder(folder);
        writeFileAtomic(marker, wanted);
        return ok(undefined);
      } finally {
        await lock.value();
      }
    } catch (error) {
      return err(diskFailure(error, marker));
    }
  }

  async #run(
    { declared, prepared, gpus, emit, signal, started }: PreparationRequest,
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
    const { code, stderr } = await runToEnd(prepared.python, moduleArguments(this.#layout, module), {
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

import objectHash from "object-hash";
import type { ProcessRequest } from "../../process/process.ts";
import { Runner } from "./runner.ts";
import type { RunnerSchemas } from "./schemas.ts";

/**
 * Runners that are free for another job. Imports take 13 to 20 s, so a process that ended its job
 * cleanly is kept for the next one with the same interpreter, environment and devices.
 */
export class RunnerPool {
  readonly #free = new Map<string, Runner[]>();
  readonly #all = new Set<Runner>();
  readonly #schemas: RunnerSchemas;

  constructor(schemas: RunnerSchemas) {
    this.#schemas = schemas;
  }

  async take(request: ProcessRequest): Promise<Runner> {
    const free = this.#free.get(identityOf(request));
    for (let runner = free?.pop(); runner !== undefined; runner = free?.pop()) {
      if (runner.usable) return runner;
    }
    const runner = await Runner.start(request, this.#schemas);
    this.#all.add(runner);
    return runner;
  }

  giveBack(request: ProcessRequest, runner: Runner): void {
    if (!runner.usable) {
      this.#all.delete(runner);
      return;
    }
    const identity = identityOf(request);
    const free = this.#free.get(identity);
    if (free === undefined) this.#free.set(identity, [runner]);
    else free.push(runner);
  }

  /** Ends a runner that is free, and does not hand it out again. */
  async retire(runner: Runner): Promise<void> {
    this.#all.delete(runner);
    for (const [identity, free] of this.#free) {
      this.#free.set(
        identity,
        free.filter((other) => other !== runner),
      );
    }
    await runner.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((runner) => runner.close()));
    this.#all.clear();
    this.#free.clear();
  }
}

/** In-process identity of everything but the log; never stored, never shared with Python. */
const identityOf = ({ log: _log, ...rest }: ProcessRequest): string =>
  objectHash(JSON.parse(JSON.stringify(rest)) as object, {
    algorithm: "sha256",
    respectType: false,
  });

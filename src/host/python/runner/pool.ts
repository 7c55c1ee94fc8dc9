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
  /** That have had no job yet. */
  readonly #ahead = new Set<Runner>();
  /** That were started without a job. */
  readonly #early = new WeakSet<Runner>();
  /** Of which there was one, or is about to be one. */
  readonly #begun = new Map<string, Promise<void>>();
  #closed = false;
  readonly #schemas: RunnerSchemas;

  constructor(schemas: RunnerSchemas) {
    this.#schemas = schemas;
  }

  async take(request: ProcessRequest): Promise<Runner> {
    const identity = identityOf(request);
    await this.#begun.get(identity);
    const free = this.#free.get(identity);
    for (let runner = free?.pop(); runner !== undefined; runner = free?.pop()) {
      this.#ahead.delete(runner);
      if (runner.usable) return runner;
    }
    this.#begun.set(identity, Promise.resolve());
    const runner = await Runner.start(request, this.#schemas);
    this.#all.add(runner);
    return runner;
  }

  /**
   * Has a runner ready for the first job of this kind, if there was none yet.
   *
   * @param start how that one is started, if that is other than how all are
   */
  async begin(request: ProcessRequest, start: ProcessRequest): Promise<void> {
    const identity = identityOf(request);
    if (this.#closed || this.#begun.has(identity)) return;
    const begun = Runner.start(start, this.#schemas).then((runner) => {
      this.#all.add(runner);
      this.#ahead.add(runner);
      this.#early.add(runner);
      this.giveBack(request, runner);
    });
    // A job that cannot have it starts its own, and tells what is wrong.
    this.#begun.set(identity, begun.catch(() => undefined));
    await this.#begun.get(identity);
  }

  /** Whether an import ahead of its first job was its end: then it has not seen the job, which another one can do. */
  endedEarly(runner: Runner): boolean {
    return this.#early.has(runner) && !runner.greeted && !runner.usable;
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
    this.#closed = true;
    await Promise.all(this.#begun.values());
    // One that imports does not hear that no job comes.
    const end = (runner: Runner): Promise<void> =>
      this.#ahead.has(runner) ? runner.abandon() : runner.close();
    await Promise.all([...this.#all].map(end));
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

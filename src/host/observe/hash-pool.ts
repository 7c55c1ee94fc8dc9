import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import type { Digest } from "../../model/digest.ts";

export interface HashRequest {
  readonly id: number;
  readonly path: string;
}

export type HashAnswer =
  | { readonly id: number; readonly done: number }
  | { readonly id: number; readonly digest: Digest }
  | { readonly id: number; readonly error: string };

interface Job extends HashRequest {
  readonly advance: ((done: number) => void) | undefined;
  readonly resolve: (digest: Digest) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Hashes big files on all cores, each file by one thread, since SHA-256 goes from front to back. Threads
 * are started when there is work for them and do not keep the process alive.
 */
export class HashPool {
  readonly #module: URL;
  readonly #waiting: Job[] = [];
  readonly #idle: Worker[] = [];
  readonly #running = new Map<Worker, Job>();
  #lastId = 0;
  #closed = false;

  /** @param module the bundled `hash-worker.ts` */
  constructor(module: URL) {
    this.#module = module;
  }

  get closed(): boolean {
    return this.#closed;
  }

  hash(path: string, advance?: (done: number) => void): Promise<Digest> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Error(`${path} was given up`));
        return;
      }
      this.#waiting.push({ id: ++this.#lastId, path, advance, resolve, reject });
      void this.#start();
    });
  }

  /** Ends all threads; what they were at is given up. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#waiting.splice(0)) job.reject(new Error(`${job.path} was given up`));
    const workers = [...this.#idle.splice(0), ...this.#running.keys()];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  async #start(): Promise<void> {
    const { Worker } = await import("node:worker_threads");
    while (this.#waiting.length > 0) {
      if (this.#idle.length === 0 && this.#running.size >= availableParallelism()) return;
      const worker = this.#idle.pop() ?? this.#enlist(new Worker(this.#module));
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#running.set(worker, job);
      worker.ref();
      worker.postMessage({ id: job.id, path: job.path } satisfies HashRequest);
    }
  }

  #enlist(worker: Worker): Worker {
    worker.on("message", (answer: HashAnswer) => {
      const job = this.#running.get(worker);
      if (job?.id !== answer.id) return;
      if ("done" in answer) {
        job.advance?.(answer.done);
        return;
      }
      this.#running.delete(worker);
      worker.unref();
      this.#idle.push(worker);
      if ("digest" in answer) job.resolve(answer.digest);
      else job.reject(new Error(answer.error));
      void this.#start();
    });
    const lost = (error: Error): void => {
      const job = this.#running.get(worker);
      this.#running.delete(worker);
      job?.reject(error);
    };
    worker.on("error", lost);
    worker.on("exit", () => lost(new Error("the thread that read the file ended")));
    return worker;
  }
}

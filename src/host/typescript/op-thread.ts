import type { Worker } from "node:worker_threads";
import type { Failure } from "../../model/failure.ts";
import { err } from "../../model/result.ts";
import { errorText } from "../disk/disk.ts";
import type { OpAnswer, OpRequest } from "./op-request.ts";

type Call = Omit<OpRequest, "id" | "code"> & {
  readonly code: { readonly name: string; readonly text: string };
  readonly print: (line: string) => void;
};

interface Job {
  readonly id: number;
  /** The thread that has it. */
  sentTo: Worker | null;
  readonly call: Call;
  readonly signal: AbortSignal;
  readonly settle: (answer: Pick<OpAnswer, "outcome" | "seconds"> | null) => void;
}

/**
 * The thread in which ops run, one call after the other. An op that does not come back keeps only this thread, so
 * that a signal still reaches aqm, which then ends it. It is started for the first call, stays for the next ones,
 * and keeps the process from ending only while it is at work.
 */
export class OpThread {
  readonly #module: URL;
  /** In the order in which they were sent: the first one is under way. */
  readonly #jobs = new Map<number, Job>();
  readonly #heeded = new WeakSet<AbortSignal>();
  #worker: Worker | null = null;
  /** File of an op → the code that the thread has loaded. */
  #sent = new Map<string, string>();
  #lastId = 0;

  /** @param module the bundled `op-worker.ts` */
  constructor(module: URL) {
    this.#module = module;
  }

  /** Null when `signal` came first: then the op, if it had begun, is ended. */
  async run(
    call: Call,
    signal: AbortSignal,
  ): Promise<Pick<OpAnswer, "outcome" | "seconds"> | null> {
    if (signal.aborted) return null;
    const worker = await this.#started();
    this.#heed(signal);
    return new Promise((settle) => {
      if (signal.aborted) {
        settle(null);
        return;
      }
      const job: Job = { id: ++this.#lastId, call, signal, settle, sentTo: null };
      this.#jobs.set(job.id, job);
      if (worker === this.#worker) this.#send(worker, job);
      else void this.#sendAll();
    });
  }

  /** One listener for all calls of a build: there can be thousands. */
  #heed(signal: AbortSignal): void {
    if (this.#heeded.has(signal)) return;
    this.#heeded.add(signal);
    signal.addEventListener("abort", () => this.#cancel(signal), { once: true });
  }

  #cancel(signal: AbortSignal): void {
    const [first] = this.#jobs.values();
    const cancelled = [...this.#jobs.values()].filter((job) => job.signal === signal);
    for (const { id } of cancelled) this.#jobs.delete(id);
    if (first?.signal === signal) this.#end();
    for (const { settle } of cancelled) settle(null);
  }

  async #started(): Promise<Worker> {
    const { Worker } = await import("node:worker_threads");
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(this.#module);
    worker.on("message", (answer: OpAnswer) => this.#hear(worker, answer));
    worker.on("error", (error) => this.#lose(worker, error));
    worker.on("exit", () => this.#lose(worker, new Error("the thread of ops ended")));
    this.#sent = new Map();
    return (this.#worker = worker);
  }

  async #sendAll(): Promise<void> {
    const worker = await this.#started();
    for (const job of this.#jobs.values()) this.#send(worker, job);
  }

  #send(worker: Worker, job: Job): void {
    if (job.sentTo === worker) return;
    job.sentTo = worker;
    const { id, call } = job;
    const { op, code, params, inputs } = call;
    const isKnown = this.#sent.get(op.file) === code.name;
    this.#sent.set(op.file, code.name);
    const text = isKnown ? null : code.text;
    worker.ref();
    worker.postMessage({
      id,
      op,
      code: { name: code.name, text },
      params,
      inputs,
    } satisfies OpRequest);
  }

  #hear(worker: Worker, { id, printed, ...answer }: OpAnswer): void {
    if (worker !== this.#worker) return;
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    if (this.#jobs.size === 0) worker.unref();
    for (const line of printed) job?.call.print(line);
    job?.settle(answer);
  }

  /** The thread died: of the op that was under way, or of memory. The others are sent to a new one. */
  #lose(worker: Worker, error: Error): void {
    if (worker !== this.#worker) return;
    this.#worker = null;
    const [first] = this.#jobs.values();
    if (first === undefined) return;
    this.#jobs.delete(first.id);
    first.settle({ outcome: err(lost(first.call.op, error)), seconds: 0 });
    if (this.#jobs.size > 0) void this.#sendAll();
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = null;
    void worker?.terminate();
    if (this.#jobs.size > 0) void this.#sendAll();
  }
}

function lost({ file, target }: Call["op"], error: Error): Failure {
  const memory = (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY";
  return {
    reason: memory ? "out_of_memory" : "op_failed",
    message: memory
      ? "The op needed more memory than a TypeScript op may have"
      : `The op ended the thread in which ops run: ${errorText(error)}`,
    target,
    place: { file },
    nextStep: memory
      ? "Let it keep less at a time, or read the input in a Python op."
      : "This is a mistake in the op or in one of its inputs.",
  };
}

/** The one thread of this process, by the module that it runs: who builds again and again finds it warm. */
const threads = new Map<string, OpThread>();

export function opThread(module: URL): OpThread {
  const known = threads.get(module.href);
  if (known !== undefined) return known;
  const thread = new OpThread(module);
  threads.set(module.href, thread);
  return thread;
}

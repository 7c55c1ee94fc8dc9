import { createInterface } from "node:readline";
import type { Failure } from "../../../model/failure.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import { secretsOf, withoutSecrets } from "../../../model/secrets.ts";
import { startProcess, type ChildProcess, type ProcessRequest } from "../../process/process.ts";
import type { RunnerEvent, RunnerRequest } from "./events.ts";
import { cancelled } from "../../process/cancelled.ts";
import type { RunnerSchemas } from "./schemas.ts";
import { readFileEnd } from "../../disk/bounded-read.ts";

/** A runner that says nothing, not even its heartbeat, for this long is taken for dead. */
const SILENCE_LIMIT = 120_000;

/** One Python process. It serves one job after the other until something goes wrong. */
export class Runner {
  readonly #child: ChildProcess;
  readonly #schemas: RunnerSchemas;
  readonly #log: string;
  readonly #secrets = secretsOf(process.env);
  #listener: ((event: RunnerEvent) => void) | null = null;
  #broken: Failure | null = null;
  #gone: { readonly code: number | null; readonly signal: string | null } | null = null;
  #nextSeq = 0;
  #lastHeard = performance.now();
  #wake: (() => void) | null = null;
  #ops: Readonly<Record<string, number>> = {};
  #greeted = false;

  private constructor(child: ChildProcess, schemas: RunnerSchemas, log: string) {
    this.#child = child;
    this.#schemas = schemas;
    this.#log = log;
    const lines = createInterface({ input: child.events, crlfDelay: Infinity });
    lines.on("line", (line) => this.#hear(line));
    void child.exited.then((exit) => {
      this.#gone = exit;
      this.#wake?.();
    });
  }

  static async start(request: ProcessRequest, schemas: RunnerSchemas): Promise<Runner> {
    return new Runner(await startProcess(request), schemas, request.log);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** How the process ended, once it has. */
  get exit(): { readonly code: number | null; readonly signal: string | null } | null {
    return this.#gone;
  }

  /** False after any error: such a process is not used again. */
  get usable(): boolean {
    return this.#gone === null && this.#broken === null;
  }

  /** False as long as it cannot have read a job: it imports, or ended over that. */
  get greeted(): boolean {
    return this.#greeted;
  }

  get ops(): Readonly<Record<string, number>> {
    return this.#ops;
  }

  /** Sends one job and hands on its events until the runner is idle again. */
  async run(
    request: RunnerRequest,
    listener: (event: RunnerEvent) => void,
    signal: AbortSignal,
  ): Promise<Result<void, Failure>> {
    if (!this.#schemas.isRequest(request)) {
      throw new Error(`aqm made a bad request: ${JSON.stringify(this.#schemas.isRequest.errors)}`);
    }
    const job: { idle: boolean; failure: Failure | null } = { idle: false, failure: null };
    this.#lastHeard = performance.now();
    this.#listener = (event) => {
      if (event.type === "idle") job.idle = true;
      else {
        if (event.type === "error") job.failure = failureOf(event, this.#log);
        listener(event);
      }
      this.#wake?.();
    };
    const cancel = (): void => void this.#child.interrupt();
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const watchdog = setInterval(() => {
      if (performance.now() - this.#lastHeard < SILENCE_LIMIT) return;
      this.#broken ??= silent(request.log);
      this.#child.kill();
    }, 5_000);
    try {
      // Events come before the exit, so an error that was reported wins over "died with code …".
      const over = (): boolean =>
        job.idle || this.#gone !== null || (this.#broken !== null && job.failure === null);
      while (!over()) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (!job.idle && this.#gone === null) this.#child.kill();
      if (!job.idle) await this.#child.exited;
    } finally {
      clearInterval(watchdog);
      signal.removeEventListener("abort", cancel);
      this.#listener = null;
      this.#wake = null;
    }
    if (signal.aborted) return err(cancelled());
    if (job.failure !== null) return err(job.failure);
    if (!job.idle) return err(this.#broken ?? died(this.#gone, request.log));
    return ok(undefined);
  }

  /** Lets the process end by itself: it exits when its input closes. */
  async close(): Promise<void> {
    if (this.#gone !== null) return;
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill(), 5_000);
    await this.#child.exited;
    clearTimeout(timer);
  }

  /** Ends a process that has done nothing yet. */
  async abandon(): Promise<void> {
    if (this.#gone === null) this.#child.kill();
    await this.#child.exited;
  }

  #hear(line: string): void {
    this.#lastHeard = performance.now();
    let event: unknown;
    try {
      // What a runner tells goes to events, failures and records.
      event = JSON.parse(withoutSecrets(line, this.#secrets));
    } catch {
      event = null;
    }
    if (!this.#schemas.isEvent(event) || event.seq !== this.#nextSeq) {
      this.#broken ??= badEvent(line, this.#log);
      this.#wake?.();
      return;
    }
    this.#nextSeq += 1;
    if (event.type === "hello") [this.#greeted, this.#ops] = [true, event.ops];
    else if (event.type !== "heartbeat") this.#listener?.(event);
  }
}

/** The last lines of a log, for a failure's cause. */
function logTail(path: string, lines = 6): string {
  try {
    return readFileEnd(path, 64 * 1024).trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "";
  }
}

export function failureOf(
  event: Extract<RunnerEvent, { type: "error" | "failed" }>,
  log: string,
): Failure {
  const reason = event.class === "bug" ? "op_failed" : event.class;
  return {
    reason,
    message: event.class === "bug" ? `The op failed: ${event.message}` : event.message,
    cause: event.reason,
    ...(event.file === undefined ? {} : { place: { file: event.file } }),
    nextStep: event.next_step ?? "The log has the whole story.",
    log,
  };
}

const died = (exit: Runner["exit"], log: string): Failure => {
  const { code = null, signal = null } = exit ?? {};
  return {
    reason: "runner_died",
    message:
      signal === null
        ? `The Python process ended unexpectedly with code ${code}`
        : `The Python process was ended by ${signal}`,
    cause: logTail(log),
    nextStep:
      signal === "SIGKILL"
        ? "Unless a person killed it, the machine probably ran out of memory. Nothing was recorded; run the same command again."
        : "The log has the whole story. Nothing was recorded; run the same command again.",
    log,
  };
};

const silent = (log: string): Failure => ({
  reason: "runner_died",
  message: `The Python process gave no sign of life for ${SILENCE_LIMIT / 1000} s and was ended`,
  cause: logTail(log),
  nextStep: "Nothing was recorded; look at the log, then run the same command again.",
  log,
});

const badEvent = (line: string, log: string): Failure => ({
  reason: "runner_protocol",
  message: "The Python process sent an event that the protocol does not allow",
  cause: line.slice(0, 300),
  nextStep: "docs/runner-protocol.md says what may be sent; this is a mistake in the runner.",
  log,
});

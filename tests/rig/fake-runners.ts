import * as fs from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RunnerRequest } from "../../src/host/python/runner/events.ts";
import { REPOSITORY, type TestWorkspace } from "./workspace.ts";

export const FAKE_PYTHON = join(REPOSITORY, "tests/rig/fake-python.mjs");

/** One job that aqm sent to a runner; the test decides, step by step, what the runner answers. */
export interface FakeJob {
  readonly target: string;
  readonly pid: number;
  readonly devices: string;
  /** Whether no other process was on its devices; null unless the workspace has `.fake-device`. */
  readonly alone: boolean | null;
  readonly request: RunnerRequest;
  readonly send: (event: object) => void;
  readonly sendRaw: (line: string) => void;
  /** Writes every declared output and reports success. */
  readonly succeed: (content?: string) => void;
  /** The same of one action of the job, which goes on. */
  readonly finish: (action: string, content?: string, cost?: object) => void;
  /** Ends the job. */
  readonly idle: () => void;
  readonly fail: (error: { class: string; reason: string; message: string }) => void;
  readonly exit: (code: number) => void;
  /** Resolves with the next signal that the runner gets. */
  readonly signal: () => Promise<string>;
}

/** A runner process that has started, with or without a job. */
export interface FakeStart {
  readonly pid: number;
  readonly devices: string;
  /** The op that it imports before it has a job. */
  readonly imports: string | null;
}

/** Every runner process of a workspace reports here. Nothing waits for time to pass. */
export class FakeRunners {
  readonly #server: Server;
  readonly #jobs: FakeJob[] = [];
  readonly #waiting: ((job: FakeJob) => void)[] = [];
  readonly #ahead: FakeStart[] = [];
  #wakeAhead: () => void = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(workspace: TestWorkspace): Promise<FakeRunners> {
    const server = createServer();
    const runners = new FakeRunners(server);
    server.on("connection", (socket) => runners.#serve(socket));
    const path = workspace.path(".fake.sock");
    await new Promise<void>((resolve) => server.listen(path, resolve));
    fs.writeFileSync(workspace.path(".fake-runner"), path);
    return runners;
  }

  nextJob(): Promise<FakeJob> {
    const job = this.#jobs.shift();
    if (job !== undefined) return Promise.resolve(job);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The first so many runners that were started before there was a job for them. */
  async ahead(count: number): Promise<readonly FakeStart[]> {
    while (this.#ahead.length < count)
      await new Promise<void>((resolve) => (this.#wakeAhead = resolve));
    return this.#ahead;
  }

  /** Jobs that arrived and that nobody has taken. */
  get untaken(): number {
    return this.#jobs.length;
  }

  close(): void {
    this.#server.close();
  }

  #serve(socket: Socket): void {
    socket.on("error", () => undefined);
    const signals: string[] = [];
    let signalled: ((name: string) => void) | null = null;
    const write = (message: object): void => void socket.write(`${JSON.stringify(message)}\n`);
    createInterface({ input: socket }).on("line", (line) => {
      const message = JSON.parse(line) as {
        signal?: string;
        request?: RunnerRequest;
        pid: number;
        environment: { devices: string };
        alone: boolean | null;
        started?: { devices: string; imports: string | null };
      };
      if (typeof message.started?.imports === "string") {
        this.#ahead.push({ pid: message.pid, ...message.started });
        this.#wakeAhead();
      }
      if (message.signal !== undefined) {
        if (signalled === null) signals.push(message.signal);
        else signalled(message.signal);
        return;
      }
      if (message.request === undefined) return;
      const { request, pid, environment, alone } = message;
      const shared = { job: request.job, action: request.actions[0]?.id ?? "" };
      const send = (event: object): void => write({ event: { ...shared, ...event } });
      const finish = (id: string, content = "made\n", cost: object = {}): void => {
        const outputs = request.actions.find((action) => action.id === id)?.outputs ?? {};
        for (const { path, kind } of Object.values(outputs)) {
          if (kind === "folder") fs.mkdirSync(path, { recursive: true });
          fs.writeFileSync(kind === "folder" ? join(path, "file") : path, content);
        }
        const peaks = { peak_memory_bytes: 1000, peak_gpu_memory_bytes: null };
        send({ type: "resource", action: id, ...peaks });
        const seconds = { seconds: 1.5, gpu_seconds: 0, ...cost };
        send({ type: "result", action: id, ...seconds, tools: { fake: "1" }, facts: {} });
      };
      const idle = (): void => send({ type: "idle" });
      const succeed = (content = "made\n"): void => {
        for (const { id } of request.actions) finish(id, content);
        idle();
      };
      this.#arrive({
        target: request.job,
        pid,
        devices: environment.devices,
        alone,
        request,
        send,
        sendRaw: (raw) => write({ raw: `${raw}\n` }),
        succeed,
        finish,
        idle,
        fail: (error) => send({ type: "error", retryable: false, ...error }),
        exit: (code) => write({ exit: code }),
        signal: () => {
          const early = signals.shift();
          if (early !== undefined) return Promise.resolve(early);
          return new Promise((resolve) => (signalled = resolve));
        },
      });
    });
  }

  #arrive(job: FakeJob): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#jobs.push(job);
    else waiting(job);
  }
}

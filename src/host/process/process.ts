import { AsyncResource } from "node:async_hooks";
import type { Readable, Writable } from "node:stream";
import * as fs from "node:fs";
import { dirname } from "node:path";
import type { Options } from "zx/core";
import { disk } from "../disk/disk.ts";

export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Standard output and error go to this file. */
  readonly log: string;
}

/** A child process with a group of its own, so that everything it started can be ended with it. */
export interface ChildProcess {
  readonly pid: number;
  readonly stdin: Writable;
  /** File descriptor 3: what the child says to us, undisturbed by what libraries print. */
  readonly events: Readable;
  /** Settles when the process is gone. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly interrupt: () => Promise<void>;
  readonly kill: () => void;
}

/**
 * Any POSIX shell will do, since all it does is `exec`. Small images have no bash, and bash's way of
 * quoting (`$'…'`) means something else to other shells.
 */
const POSIX_SHELL = {
  shell: "/bin/sh",
  prefix: "exec ",
  postfix: "",
  quote: (argument: string) => `'${argument.replaceAll("'", "'\\''")}'`,
};

/**
 * zx hands the options of a process on to every process that is started while its events are told: what it printed,
 * its variables. So each is started from here, where none is running.
 */
const apart = new AsyncResource("process");

const live = new Set<number>();

/** How long a group may take to obey before the next, harder signal. */
const GRACE = { interrupt: 10_000, terminate: 5_000 };

/** The one way in which aqm starts processes. */
export async function startProcess(request: ProcessRequest): Promise<ChildProcess> {
  const { $ } = await import("zx/core");
  disk.makeFolder(dirname(request.log));
  const log = fs.openSync(request.log, "a");
  const options = {
    cwd: request.cwd,
    env: { ...request.env },
    detached: true, // a group of its own: signals reach grandchildren, and Ctrl-C does not hit it twice
    nothrow: true,
    quiet: true,
    ...POSIX_SHELL,
    stdio: ["pipe", log, log, "pipe"],
    // zx keeps all output for the caller; ours goes to the log file and the event pipe.
    store: { stdout: [], stderr: [], stdall: [] },
  } satisfies Partial<Options>;
  const process_ = apart.runInAsyncScope(() => $(options)`${request.command} ${[...request.args]}`);
  const child = process_.child;
  fs.closeSync(log);
  if (child?.pid === undefined) throw new Error(`${request.command} could not be started`);
  const pid = child.pid;
  live.add(pid);
  // Its children end with it, since their results have no reader any more.
  child.once("exit", () => signalGroup(pid, "SIGKILL"));
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("close", (code: number | null, signal: string | null) => {
      live.delete(pid);
      resolve({ code, signal });
    });
  });
  void process_.catch(() => undefined); // the exit is awaited above
  const events = child.stdio[3] as Readable | null;
  const { stdin } = child;
  if (stdin === null || events === null) throw new Error("the child has no pipes");
  stdin.on("error", () => undefined); // a dead child shows in `exited`
  return {
    pid,
    stdin,
    events,
    exited,
    interrupt: () => interrupt(pid, exited),
    kill: () => signalGroup(pid, "SIGKILL"),
  };
}

/** Asks, insists, ends. */
async function interrupt(pid: number, exited: Promise<unknown>): Promise<void> {
  const steps = [
    ["SIGINT", GRACE.interrupt],
    ["SIGTERM", GRACE.terminate],
  ] as const;
  for (const [signal, grace] of steps) {
    signalGroup(pid, signal);
    if (await endsWithin(exited, grace)) return;
  }
  signalGroup(pid, "SIGKILL");
  await exited;
}

function endsWithin(exited: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    void exited.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** Not zx's kill: that one needs a `ps` program, which small images lack. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // already gone
  }
}

/** Ends a whole process group whose results are no longer wanted. */
export const endGroup = (pid: number): void => signalGroup(pid, "SIGKILL");

/** For the end of this process, for any reason: no child is left behind. */
export function killAllProcesses(): void {
  for (const pid of live) signalGroup(pid, "SIGKILL");
}

export interface FinishedProcess {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a short command to its end and returns what it printed. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
    readonly line?: (text: string) => void;
    /** Told each line of standard output as it comes. */
    readonly said?: (text: string) => void;
    /** Instead of our own variables and `env`. */
    readonly onlyEnv?: Readonly<Record<string, string>>;
    readonly started?: (pid: number) => void;
    /** What the command reads from its standard input; nothing without it. */
    readonly input?: string;
  } = {},
): Promise<FinishedProcess> {
  const { $ } = await import("zx/core");
  const settings = {
    cwd: options.cwd ?? process.cwd(), // zx would take the folder that was current when it was loaded
    ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    ...(options.onlyEnv === undefined ? {} : { env: { ...options.onlyEnv } }),
    detached: true,
    nothrow: true,
    quiet: true,
    ...POSIX_SHELL,
    ...(options.input === undefined ? {} : { input: options.input }),
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  } satisfies Partial<Options>;
  const running = apart.runInAsyncScope(() => $(settings)`${command} ${[...args]}`);
  const pid = running.child?.pid;
  const stop = (): void => {
    if (pid !== undefined) signalGroup(pid, "SIGTERM");
  };
  if (pid !== undefined) {
    live.add(pid);
    options.started?.(pid);
  }
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted === true) stop();
  running.child?.stdin?.on("error", () => undefined); // a dead child shows in its exit code
  running.stdout.setEncoding("utf8"); // a character may come in two pieces
  if (options.line !== undefined) watchLines(running.stderr, options.line);
  if (options.said !== undefined) watchLines(running.stdout, options.said);
  const output = await running;
  options.signal?.removeEventListener("abort", stop);
  if (pid !== undefined) live.delete(pid);
  return { code: output.exitCode, stdout: output.stdout, stderr: output.stderr };
}

function watchLines(stream: Readable, line: (text: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split(/\r?\n|\r/);
    rest = lines.pop() ?? "";
    for (const whole of lines) if (whole.trim() !== "") line(whole.trim());
  });
}

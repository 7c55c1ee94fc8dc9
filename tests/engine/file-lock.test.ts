import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acquireFileLock, takeFileLock } from "../../src/host/process/file-lock.ts";
import { identityOf } from "../../src/host/process/process-identity.ts";
import { workerVariables } from "../../src/host/process/worker-proof.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";
import { defined, errorOf, valueOf } from "./support/results.ts";

/** Takes the lock, says so, and gives it back when its standard input ends. */
const PROGRAM = `
import { acquireFileLock, takeFileLock } from ${JSON.stringify(join(REPOSITORY, "src/host/process/file-lock.ts"))};
const [path, purpose] = process.argv.slice(2);
const say = (text) => console.log(text);
const lock = await acquireFileLock(path, purpose, (owner) => say("waits for " + owner), new AbortController().signal);
say("holds");
for await (const _ of process.stdin);
await lock.value();
say("gave back");
`;

class Contender {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<void>;

  constructor(program: string, lock: string, purpose: string) {
    this.#child = spawn(process.execPath, [program, lock, purpose]);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
  }

  get pid(): number {
    return defined(this.#child.pid);
  }

  async says(): Promise<string> {
    const line = await this.#lines.next();
    return line.done === true ? "(ended)" : line.value;
  }

  giveBack(): void {
    this.#child.stdin.end();
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

let folder: Folder;
let path: string;
const contenders: Contender[] = [];

beforeEach(() => {
  folder = new Folder();
  path = folder.at("state/build.lock");
});

afterEach(async () => {
  for (const contender of contenders.splice(0)) await contender.kill();
});

async function contend(...purposes: readonly string[]): Promise<Contender[]> {
  const program = folder.at("contender.mjs");
  const entry = { contents: PROGRAM, resolveDir: REPOSITORY };
  const options = { bundle: true, platform: "node", format: "esm", target: "node20" } as const;
  await build({ stdin: entry, outfile: program, logLevel: "silent", ...options });
  const started = purposes.map((purpose) => new Contender(program, path, purpose));
  contenders.push(...started);
  return started;
}

const quiet = new AbortController().signal;
const take = (waiting: (owner: string) => void = () => undefined, signal = quiet) =>
  acquireFileLock(path, "this test", waiting, signal);

describe("the build lock, between processes", () => {
  it("makes the second wait, tells for whom, and lets it in when the first is done", async () => {
    const [first] = await contend("first");
    expect(await first?.says()).toBe("holds");
    const [second] = await contend("second");
    expect(await second?.says()).toBe(`waits for process ${first?.pid ?? 0}, which builds first`);
    first?.giveBack();
    expect(await second?.says()).toBe("holds");
    second?.giveBack();
    expect(await second?.says()).toBe("gave back");
    expect(fs.readdirSync(folder.at("state"))).toEqual([]);
  });

  it("passes to one of those that wait when its owner is killed", async () => {
    const [first] = await contend("first");
    expect(await first?.says()).toBe("holds");
    const waiting = await contend("second", "third");
    for (const contender of waiting) expect(await contender.says()).toContain("waits for process");
    await first?.kill();
    // Whoever got it holds it alone: the other one now waits for it.
    const told = await Promise.all(waiting.map((contender) => contender.says()));
    const winner = told.indexOf("holds");
    expect(winner).toBeGreaterThanOrEqual(0);
    const pid = waiting[winner]?.pid ?? 0;
    expect(told[1 - winner]).toBe(
      `waits for process ${pid}, which builds ${["second", "third"][winner] ?? ""}`,
    );
    waiting[winner]?.giveBack();
    expect(await waiting[1 - winner]?.says()).toBe("holds");
    waiting[1 - winner]?.giveBack();
    await Promise.all(waiting.map(({ ended }) => ended));
    expect(fs.readdirSync(folder.at("state"))).toEqual([]);
  });
});

describe("the build lock, by its file", () => {
  const owner = { host: hostname(), pid: 4_000_000, started: "1", purpose: "x", token: "t" };

  it("names its owner and goes away when it is given back", async () => {
    const release = valueOf(await take());
    expect(JSON.parse(fs.readFileSync(path, "utf8"))).toMatchObject({
      host: hostname(),
      pid: process.pid,
      purpose: "this test",
    });
    await release();
    expect(fs.existsSync(path)).toBe(false);
  });

  it("is taken over from a process that is gone", async () => {
    folder.write("state/build.lock", JSON.stringify(owner));
    await valueOf(await take())();
  });

  it("is taken over from a process that reused the dead owner's number", async () => {
    folder.write("state/build.lock", JSON.stringify({ ...owner, pid: process.pid, started: "1" }));
    await valueOf(await take())();
  });

  it.each(["", "{", "not json"])("is taken over when it is damaged: %j", async (text) => {
    folder.write("state/build.lock", text);
    await valueOf(await take())();
  });

  it.each([
    ["from before this machine was started anew", { boot: "an earlier one" }],
    [
      "of a dead process, although the host has another name by now",
      { host: "old", pid: 4_000_000 },
    ],
  ])("is taken over %s", async (_what, changes) => {
    const lost = { ...identityOf(process.pid), ...owner, pid: process.pid, host: hostname() };
    const { started } = identityOf(process.pid);
    folder.write("state/build.lock", JSON.stringify({ ...lost, started, ...changes }));
    await valueOf(await take())();
  });

  it.each([
    ["another container", { space: "pid:[1]" }, "in another container"],
    ["a machine of the same name", { machine: "another", boot: "another" }, "in another container"],
  ])(
    "is not taken over from %s, whose processes nobody here sees",
    async (_what, changes, where) => {
      const foreign = { ...identityOf(process.pid), ...owner, host: hostname(), ...changes };
      folder.write("state/build.lock", JSON.stringify(foreign));
      const stop = new AbortController();
      const told: string[] = [];
      await take((text) => {
        told.push(text);
        stop.abort();
      }, stop.signal);
      expect(told).toEqual([expect.stringContaining(`process 4000000 ${where}, which builds x`)]);
    },
  );

  it("with a flipped bit is nobody's, even if the bit makes it one of another host", async () => {
    await valueOf(await take(() => undefined))();
    const lock = valueOf(await take());
    const text = fs.readFileSync(path, "utf8");
    await lock();
    folder.write("state/build.lock", text.replace(hostname(), `${hostname()}x`));
    await valueOf(await take())();
  });

  it("is never taken over from another host", async () => {
    const foreign = JSON.stringify({ ...owner, host: "elsewhere" });
    folder.write("state/build.lock", foreign);
    const stop = new AbortController();
    const told: string[] = [];
    const taken = await take((text) => {
      told.push(text);
      stop.abort();
    }, stop.signal);
    expect(errorOf(taken).reason).toBe("cancelled");
    expect(told).toEqual([
      `process 4000000 on elsewhere, which builds x (if it is dead, delete ${path})`,
    ]);
    expect(fs.readFileSync(path, "utf8")).toBe(foreign);
    expect(fs.readdirSync(folder.at("state"))).toEqual(["build.lock"]);
  });

  it("is not removed by an owner who lost it", async () => {
    const release = valueOf(await take());
    fs.writeFileSync(path, JSON.stringify(owner));
    await release();
    expect(fs.existsSync(path)).toBe(true);
  });

  it("says what is wrong when the folder cannot be written", async () => {
    folder.write("state", "a file where the folder should be");
    expect(errorOf(await take())).toMatchObject({ reason: "not_writable" });
  });
});

/*
 * A lock file names the processes that work for its owner, which are ended when the owner is dead. Whoever can
 * write the file can name any process.
 */
describe.runIf(fs.existsSync("/proc/self/environ"))("the workers in a dead owner's lock", () => {
  const started: { readonly pid: number; readonly ended: Promise<void> }[] = [];
  /** A process with a group of its own. */
  const group = (env: Readonly<Record<string, string>>): { pid: number; ended: Promise<void> } => {
    const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore", env });
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    started.push({ pid: defined(child.pid), ended });
    return { pid: defined(child.pid), ended };
  };
  const runs = (pid: number): boolean => identityOf(pid).started !== "";
  afterEach(async () => {
    for (const { pid, ended } of started.splice(0)) {
      if (runs(pid)) process.kill(pid, "SIGKILL");
      await ended;
    }
  });

  /** The text of a lock that names a worker, with changes, sealed or not. */
  const lockOf = async (
    pid: number,
    changes: object = { pid: 4_000_000, started: "1" },
    sealed = true,
  ): Promise<string> => {
    const lock = valueOf(await takeFileLock(path, "x", () => undefined, quiet));
    lock.addWorker(pid);
    const { seal: _seal, ...owner } = JSON.parse(fs.readFileSync(path, "utf8")) as Record<
      string,
      unknown
    >;
    lock.release();
    const text = JSON.stringify({ ...owner, ...changes });
    const seal = digestOfBytes(text);
    return sealed ? JSON.stringify({ ...(JSON.parse(text) as object), seal }) : text;
  };

  it("are ended when the owner provably started them", async () => {
    const worker = group({ ...workerVariables() });
    folder.write("state/build.lock", await lockOf(worker.pid));
    const told: string[] = [];
    await valueOf(await take((text) => void told.push(text)))();
    await worker.ended;
    expect(told).toEqual([
      expect.stringContaining(`process ${worker.pid}, which a killed aqm left`),
    ]);
  });

  it.each([
    ["a stranger's process, sealed", {}, true],
    ["a runner, but the lock has no seal", workerVariables(), false],
    ["a runner of another aqm", { AQM_RUNNER: "0123456789abcdef" }, true],
  ])("are left alone, and the lock is taken over: %s", async (_what, env, sealed) => {
    const stranger = group(env);
    folder.write("state/build.lock", await lockOf(stranger.pid, undefined, sealed));
    await valueOf(await take())();
    expect(runs(stranger.pid)).toBe(true);
  });

  it("are left alone when the lock was copied from where they work", async () => {
    const worker = group({ ...workerVariables() });
    folder.write("elsewhere/build.lock", await lockOf(worker.pid));
    const lock = await acquireFileLock(
      folder.at("elsewhere/build.lock"),
      "x",
      () => undefined,
      quiet,
    );
    await valueOf(lock)();
    expect(runs(worker.pid)).toBe(true);
  });

  it.each([1, 0, -1, process.pid, "1", null])("may not be the process %j", async (pid) => {
    const { started: since } = identityOf(1);
    const worker = { pid, started: since, proof: "" };
    const text = await lockOf(process.pid, { pid: 4_000_000, started: "1", workers: [worker] });
    folder.write("state/build.lock", text);
    await valueOf(await take())();
  });
});

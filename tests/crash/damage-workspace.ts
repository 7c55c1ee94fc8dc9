import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { runBuild } from "../../src/execute/build.ts";
import { withPorts } from "../../src/cli/session/ports.ts";
import { openSession } from "../../src/cli/session/session.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { parseLockRecord } from "../../src/host/records/records.ts";
import { TypescriptExecutor } from "../../src/host/typescript/typescript-executor.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Failure } from "../../src/model/failure.ts";
import { ok, type Result } from "../../src/model/result.ts";
import { oneByOne, type Execution, type ExecutionMember, type Executor } from "../../src/ports.ts";
import { REPOSITORY } from "../rig/workspace.ts";
import { CrashWorkspace, filesBelow, PAGE_RUNNER } from "./crash-workspace.ts";

export interface Outcome {
  readonly code: number;
  readonly notices: readonly string[];
  readonly failures: readonly string[];
}

/**
 * A workspace whose state is put back after each damage. Builds run in this process: a process for each
 * damaged byte would take hours. Only the Python op is played by the test.
 */
export class DamageWorkspace {
  readonly crash: CrashWorkspace;
  readonly #files = new Map<string, Buffer>();

  private constructor(crash: CrashWorkspace) {
    this.crash = crash;
    for (const path of filesBelow(crash.files.root)) {
      this.#files.set(path, fs.readFileSync(crash.files.path(path)));
    }
  }

  /** Built, then edited: the next build has outputs to run and to restore. */
  static async edited(): Promise<DamageWorkspace> {
    const crash = await CrashWorkspace.fresh();
    for (let look = 0; look < 20 && !crash.files.exists(".aqm/fresh"); look++) await crash.build();
    crash.edit();
    await crash.buildWithGateShut();
    // Back to the first poem, whose results are in the history and the store; another one is new.
    crash.files.edit("poems/one.txt", "white", "red");
    crash.files.write("poems/two.txt", "tulips are yellow\n");
    fs.rmSync(crash.files.path("out/pages"), { recursive: true });
    return new DamageWorkspace(crash);
  }

  /** Killed while it published a folder: with an intent, a stage, and the lock of a dead process. */
  static async killed(): Promise<DamageWorkspace> {
    const crash = await CrashWorkspace.edited();
    const counted = crash.copy();
    const { calls } = await counted.faulty({ mode: "count", only: ".aqm/journal" });
    counted.remove();
    const at = 1 + calls.findIndex(([operation]) => operation === "remove");
    await crash.faulty({ mode: "before", only: ".aqm/journal", at });
    return new DamageWorkspace(crash);
  }

  /** Paths of all files of the state, lock records included. */
  get stateFiles(): readonly string[] {
    return [...this.#files.keys()].filter((path) => /^(\.aqm|aqm\.lock)\//.test(path));
  }

  content(path: string): Buffer {
    const content = this.#files.get(path);
    if (content === undefined) throw new Error(`there was no ${path}`);
    return content;
  }

  reset(): void {
    const { root } = this.crash.files;
    for (const path of filesBelow(root)) {
      if (!this.#files.has(path)) fs.rmSync(join(root, path));
    }
    for (const [path, content] of this.#files) {
      const place = join(root, path);
      const stat = fs.lstatSync(place, { throwIfNoEntry: false });
      if (stat?.isFile() === true && fs.readFileSync(place).equals(content)) continue;
      fs.rmSync(place, { recursive: true, force: true });
      fs.mkdirSync(dirname(place), { recursive: true });
      fs.writeFileSync(place, content);
    }
  }

  async build(during: (request: ExecutionMember) => void = () => undefined): Promise<Outcome> {
    const layout = layoutOf(this.crash.files.root, REPOSITORY);
    const opened = await openSession({ targets: [], layout, python: [PAGE_RUNNER] });
    if (!opened.ok) return { code: 2, notices: [], failures: opened.error.map(textOf) };
    const session = opened.value;
    const { selection, targets, gpus, expected } = session;
    const typescript = new TypescriptExecutor(layout, session.opSources);
    const events: BuildEvent[] = [];
    const { signal } = new AbortController();
    const request = { selection, targets, gpus, expected, jobs: 1, keepGoing: true, signal };
    const { exitCode } = await withPorts(session, (ports) => {
      const executor = new PlayedExecutor(layout.root, ports.executor, typescript, during);
      return runBuild(request, { ...ports, executor }, (event) => events.push(event));
    });
    return {
      code: exitCode,
      notices: events.flatMap((event) => (event.type === "notice" ? [event.message] : [])),
      failures: events.flatMap((event) =>
        event.type === "action_failed" || event.type === "failure" ? [textOf(event.failure)] : [],
      ),
    };
  }

  /** What every build has to lead to. */
  result(): object {
    const records = filesBelow(this.crash.files.path("aqm.lock")).map((path) => {
      const record = parseLockRecord(this.crash.files.read(`aqm.lock/${path}`));
      return [path, record?.key, record?.outputs];
    });
    return { outputs: this.crash.outputs(), records, litter: this.crash.litter() };
  }
}

const textOf = ({ message, cause }: { message: string; cause?: string }): string =>
  `${message}${cause === undefined ? "" : `: ${cause}`}`;

/** Does what page-runner.mjs does, without a process. */
class PlayedExecutor implements Executor {
  readonly #root: string;
  readonly #real: Executor;
  readonly #typescript: TypescriptExecutor;
  readonly #during: (request: ExecutionMember) => void;

  constructor(
    root: string,
    real: Executor,
    typescript: TypescriptExecutor,
    during: (request: ExecutionMember) => void,
  ) {
    this.#root = root;
    this.#real = real;
    this.#typescript = typescript;
    this.#during = during;
  }

  readonly execute: Executor["execute"] = async (job) => {
    const ended: typeof job.ended = (member, outcome) => {
      this.#during(member);
      job.ended(member, outcome);
    };
    const typescript = job.members[0]?.node.declaration.op.runtime === "typescript";
    const execute = typescript ? this.#typescript.execute : oneByOne((member) => this.#one(member));
    await execute({ ...job, ended });
  };

  async #one(request: ExecutionMember): Promise<Result<Execution, Failure>> {
    await Promise.resolve();
    const [source] = request.node.inputs;
    const { pages = "", index = "" } = request.stage.paths;
    const text = fs.readFileSync(join(this.#root, source?.path ?? ""), "utf8");
    const lines = text.trimEnd().split("\n");
    fs.mkdirSync(pages, { recursive: true });
    for (const line of lines) {
      fs.writeFileSync(join(pages, `${line.split(" ")[0] ?? ""}.txt`), `${line}\n`.repeat(50));
    }
    fs.writeFileSync(index, `${lines.length} pages\n`.repeat(50));
    return ok<Execution>({
      cost: { seconds: 1, gpu_seconds: 0, peak_memory_bytes: null, peak_gpu_memory_bytes: null },
      tools: {},
      facts: {},
    });
  }

  readonly logPath: Executor["logPath"] = (node) => this.#real.logPath(node);
  readonly close = (): Promise<void> => this.#real.close();
}

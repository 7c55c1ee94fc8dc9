import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildEvent } from "../../src/model/event.ts";
import { inProcess, type Surroundings } from "./in-process.ts";

export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A command under way. */
export interface UnderWay {
  /** Resolves with the first event (of `--json`) that fits. */
  readonly event: (fits: (event: BuildEvent) => boolean) => Promise<BuildEvent>;
  readonly finished: Promise<Finished>;
}

/** A command under way in a process of its own. */
export interface Running extends UnderWay {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** From now on nobody reads what it prints. */
  readonly closePipe: (name: "stdout" | "stderr") => void;
}

const filesIn = (root: string, folder: string): readonly string[] =>
  fs.readdirSync(join(root, folder)).map((name) => join(root, folder, name));

/** A real workspace in a temporary folder, and the real command line run in it. */
export class TestWorkspace {
  readonly root: string;
  /** The command line under test; a workspace that is a copy of the repository has its own. */
  readonly bin: string;

  private constructor(root: string, bin: string) {
    this.root = root;
    this.bin = bin;
  }

  static create(files: Readonly<Record<string, string>>): TestWorkspace {
    const root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-test-")));
    const workspace = new TestWorkspace(root, join(REPOSITORY, "bin/aqm.js"));
    for (const [path, content] of Object.entries(files)) workspace.write(path, content);
    return workspace;
  }

  /** A workspace at another path that shares nothing with this one but what `folder` holds. */
  static at(root: string, bin = join(REPOSITORY, "bin/aqm.js")): TestWorkspace {
    return new TestWorkspace(fs.realpathSync(root), bin);
  }

  /**
   * The repository itself, copied: its sources may be edited by a test. Its grids are smaller, one granularity,
   * one budget of measured plans and one random plan: every command in the copy declares all actions, and the rest
   * of the grids is three quarters of them.
   */
  static copyOfRepository(): TestWorkspace {
    const root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-copy-")));
    for (const name of ["Aqmfile.ts", "package.json", "bin", "conf", "dist", "rules", "src"]) {
      fs.cpSync(join(REPOSITORY, name), join(root, name), { recursive: true });
    }
    for (const name of fs.readdirSync(join(root, "conf/granularity"))) {
      if (name !== "default.yaml") fs.rmSync(join(root, "conf/granularity", name));
    }
    for (const path of ["quality", "scheme"].flatMap((group) => filesIn(root, `conf/${group}`))) {
      const small = fs
        .readFileSync(path, "utf8")
        .replace(/^(budgets:\n {2}- .*\n)(?: {2}- .*\n)+/m, "$1")
        .replace(/^( *)random_plans: .*$/m, "$1random_plans: 1");
      fs.writeFileSync(path, small);
    }
    const keep = (path: string): boolean =>
      !path.includes("__pycache__") && !path.endsWith("/tests");
    fs.cpSync(join(REPOSITORY, "python"), join(root, "python"), { recursive: true, filter: keep });
    fs.symlinkSync(join(REPOSITORY, "node_modules"), join(root, "node_modules"));
    return new TestWorkspace(root, join(root, "bin/aqm.js"));
  }

  /** Leaves of the copied Aqmfile's models these: to declare the targets of all takes seconds, each time. */
  onlyModels(...names: readonly string[]): void {
    const text = this.read("Aqmfile.ts");
    const models = /\[\.\.\.models, \.\.\.others\](?:\.filter\(.*\))?(?= })/;
    if (!models.test(text)) throw new Error("the Aqmfile has no grid of models any more");
    const chosen = `[...models, ...others].filter(({ name }) => ${JSON.stringify(names)}.includes(name))`;
    this.write("Aqmfile.ts", text.replace(models, chosen));
  }

  path(path: string): string {
    return join(this.root, path);
  }

  write(path: string, content: string | Uint8Array): void {
    fs.mkdirSync(dirname(this.path(path)), { recursive: true });
    fs.writeFileSync(this.path(path), content);
  }

  read(path: string): string {
    return fs.readFileSync(this.path(path), "utf8");
  }

  exists(path: string): boolean {
    return fs.existsSync(this.path(path));
  }

  edit(path: string, from: string, to: string): void {
    const before = this.read(path);
    if (!before.includes(from)) throw new Error(`${path} does not contain ${from}`);
    this.write(path, before.replace(from, to));
  }

  remove(): void {
    fs.rmSync(this.root, { recursive: true, force: true });
  }

  /** Runs a command to its end in this process. See `start` for where the process is the point. */
  aqm(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return inProcess(this.bin, args, this.#surroundings(options));
  }

  /** Starts a command in this process, for a test that plays a part while it runs. */
  begin(args: readonly string[], options: RunOptions = {}): UnderWay {
    const events = new Events();
    const running = inProcess(this.bin, args, this.#surroundings(options), events.add);
    return { event: events.first, finished: running.finally(events.end) };
  }

  /** Runs `aqm build --json …` in this process and returns its events too. */
  async build(
    args: readonly string[] = [],
    options: RunOptions = {},
  ): Promise<
    Finished & { readonly events: readonly BuildEvent[]; readonly ran: readonly string[] }
  > {
    const finished = await this.aqm(["build", "--json", ...args], options);
    const events = parseEvents(finished.stdout);
    const ran = events.flatMap((event) => (event.type === "action_started" ? [event.target] : []));
    return { ...finished, events, ran };
  }

  #surroundings(options: RunOptions): Surroundings {
    const { NODE_EXTRA_CA_CERTS: _certificates, ...inherited } = process.env;
    return {
      cwd: options.cwd ?? this.root,
      env: { ...inherited, NO_COLOR: "1", CUDA_VISIBLE_DEVICES: "", ...options.env },
    };
  }

  /**
   * Starts a command in a process of its own: for tests of signals, exit codes and pipes, of several builds side
   * by side, and of what is loaded only once a process.
   */
  start(args: readonly string[], options: RunOptions = {}): Running {
    const child = spawn(process.execPath, [this.bin, ...args], {
      ...this.#surroundings(options),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    const events = new Events();
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      events.add(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const finished = new Promise<Finished>((resolve) => {
      child.on("close", (code, signal) => {
        events.end();
        resolve({ code, signal, stdout, stderr });
      });
    });
    return {
      pid: child.pid ?? 0,
      kill: (signal) => void child.kill(signal),
      closePipe: (name) => void child[name].destroy(),
      event: events.first,
      finished,
    };
  }
}

/** The events of a command, as they come. */
class Events {
  #text = "";
  #over = false;
  #waiting: (() => void)[] = [];

  readonly add = (text: string): void => {
    this.#text += text;
    this.#wake();
  };

  readonly end = (): void => {
    this.#over = true;
    this.#wake();
  };

  readonly first = async (fits: (event: BuildEvent) => boolean): Promise<BuildEvent> => {
    for (;;) {
      const whole = this.#text.slice(0, this.#text.lastIndexOf("\n") + 1);
      const found = parseEvents(whole).find(fits);
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`ended without the event:\n${this.#text}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  };

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function parseEvents(text: string): readonly BuildEvent[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as BuildEvent);
}

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY, TestWorkspace, type Running } from "../workspace.ts";

const SCRIPT = join(REPOSITORY, "tests/rig/slurm/cluster.sh");

/** What a machine lacks to run Slurm; nothing where the tests on a cluster can run. */
export const lacking = (): string =>
  spawnSync("bash", [SCRIPT, "missing"], { encoding: "utf8" }).stdout.trim().split("\n").join(", ");

export const toInstall = (missing: string): string =>
  `Tests on a cluster need Slurm, and this machine lacks ${missing}. \`bash tests/rig/slurm/cluster.sh install\` installs it.`;

/** Resolves once something outside of this process is so; looks again and again, since nobody tells. */
export async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** In CI, `AQM_SLURM_TESTS` says that they have to run. */
export const isRequired = process.env["AQM_SLURM_TESTS"] === "required";

/** A job as the cluster wrote it down when it had ended. */
export interface EndedJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly nodes: string;
}

/** A real Slurm on this machine: one controller and several nodes, each with two devices. */
export class TestCluster {
  static readonly #all: TestCluster[] = [];
  readonly root: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(root: string, env: Readonly<Record<string, string>>) {
    this.root = root;
    this.#env = env;
  }

  /** @param options `conf`: further lines of slurm.conf; `memory`: jobs are held to what they ask for */
  static up(options: { nodes: number; conf?: string; memory?: boolean }): TestCluster {
    const root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-slurm-")));
    const cluster = new TestCluster(root, {
      AQM_SLURM_NODES: String(options.nodes),
      AQM_SLURM_CONF: options.conf ?? "",
      AQM_SLURM_MEMORY: options.memory === true ? "1" : "",
    });
    cluster.#script("up");
    TestCluster.#all.push(cluster);
    return cluster;
  }

  /** What a command needs to find this cluster. Looks at files ten times as often as people need. */
  get variables(): Record<string, string> {
    return { SLURM_CONF: join(this.root, "etc/slurm.conf"), AQM_SLURM_TICK_MS: "100" };
  }

  stop(what: string, signal: "TERM" | "KILL" = "TERM"): void {
    this.#script("stop", what, signal);
  }

  start(what: string): void {
    this.#script("start", what);
  }

  static allDown(): void {
    for (const cluster of TestCluster.#all.splice(0)) cluster.#script("down");
  }

  run(command: string, ...args: readonly string[]): string {
    const env = { ...process.env, ...this.variables };
    const ran = spawnSync(command, args, { encoding: "utf8", env });
    if (ran.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${ran.stderr}`);
    return ran.stdout;
  }

  /** All jobs that have ended, in their order. */
  ended(): readonly EndedJob[] {
    const path = join(this.root, "log/jobs.log");
    const text = fs.existsSync(path) ? fs.readFileSync(path, "utf8") : "";
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const field = (name: string): string =>
          new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1] ?? "";
        const [id, name] = [field("JobId"), field("Name")];
        return { id, name, state: field("JobState"), nodes: field("NodeList") };
      });
  }

  /** Jobs that wait or run. */
  live(): readonly string[] {
    return this.run("squeue", "--noheader", "--format=%i").split("\n").filter(Boolean);
  }

  #script(...args: readonly string[]): void {
    const [command = "", ...rest] = args;
    const ran = spawnSync("bash", [SCRIPT, command, this.root, ...rest], {
      encoding: "utf8",
      env: { ...process.env, ...this.#env },
    });
    if (ran.status !== 0) throw new Error(`cluster.sh ${args.join(" ")}: ${ran.stderr}`);
  }
}

export interface ClusterOptions {
  /** How many actions make `out/<n>.txt`. */
  readonly actions: number;
  /** What is said of Slurm in the Aqmfile. */
  readonly slurm?: string;
  /** What else is declared of each action. */
  readonly action?: string;
  readonly environment?: string;
}

/**
 * A workspace whose actions each write a text, and a summary made of them by TypeScript. An action first writes
 * down that it runs, in `gates/ran`, and then waits until somebody opens its gate, if there is one.
 */
export class ClusterWorkspace {
  readonly workspace: TestWorkspace;
  readonly gates: string;
  readonly #variables: Readonly<Record<string, string>>;

  constructor(cluster: TestCluster, options: ClusterOptions) {
    this.gates = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-gates-")));
    this.workspace = TestWorkspace.create({
      "source.txt": "source\n",
      "tiny.in": "jsonschema\n",
      "tiny.lock": "jsonschema==1 --hash=sha256:0\n",
      "python/aqm_runner/ops/__init__.py": "",
      "python/aqm_runner/ops/patient.py": OP,
      "python/aqm_runner/ops/patient.json": JSON.stringify(DECLARATION),
      "rules/ops/join.ts": JOIN,
      "Aqmfile.ts": aqmfile(this.gates, options),
    });
    for (const name of ["__init__.py", "__main__.py", "runner", "schemas"]) {
      const path = `python/aqm_runner/${name}`;
      fs.cpSync(join(REPOSITORY, path), this.workspace.path(path), { recursive: true });
    }
    const python = process.env["AQM_TEST_PYTHON"] ?? "python3";
    this.#variables = { ...cluster.variables, AQM_PYTHON: python };
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    return this.workspace.start(args, { env: { ...this.#variables, ...env } });
  }

  /** `aqm build --executor slurm`, and the lines that it prints. */
  build(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Running {
    return this.start(["build", "--json", "--executor", "slurm", ...args], env);
  }

  close(name: string): void {
    fs.writeFileSync(join(this.gates, `${name}.closed`), "");
  }

  open(name: string): void {
    fs.rmSync(join(this.gates, `${name}.closed`));
  }

  /** Resolves when the action has begun so many times; each time with the node on which it did. */
  async begun(n: number, times = 1): Promise<readonly string[]> {
    const nodes = (): readonly string[] =>
      this.ran().flatMap(([action, node]) => (action === String(n) ? [node] : []));
    await eventually(() => nodes().length >= times);
    return nodes();
  }

  /** Every run of an action, in order: which, on which node, and the devices that it saw. */
  ran(): readonly (readonly [action: string, node: string, devices: string])[] {
    const path = join(this.gates, "ran");
    if (!fs.existsSync(path)) return [];
    const lines = fs.readFileSync(path, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => line.split(" ") as [string, string, string]);
  }

  remove(): void {
    this.workspace.remove();
    fs.rmSync(this.gates, { recursive: true, force: true });
  }
}

const DECLARATION = {
  version: 1,
  usesDevice: false,
  tools: [],
  inputs: { source: "file" },
  outputs: { text: "file" },
  params: {
    type: "object",
    required: ["n", "gates"],
    properties: { n: { type: "integer" }, gates: { type: "string" } },
  },
};

const OP = `"""Writes a text, once nobody keeps its gate closed."""

import os
import time
from pathlib import Path


def run(context, params, inputs, outputs):
    gates, name = Path(params["gates"]), str(params["n"])
    devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    with open(gates / "ran", "a") as ran:
        ran.write(f"{name} {node()} {devices or '-'}\\n")
    if (gates / f"{name}.hungry").exists():
        bytearray(b"x" * 600_000_000)
    while (gates / f"{name}.closed").exists():
        time.sleep(0.02)
    if (gates / f"{name}.exit").exists():
        os._exit(7)
    source = Path(inputs["source"].path).read_text()
    outputs["text"].create().write_text(f"{name} of {source}")
    return {"token": "seen" if os.environ.get("SECRET_TOKEN") else "none"}


def node():
    """The script of a job writes it down beside the events, which are descriptor 3."""
    claim = Path(os.readlink("/proc/self/fd/3")).parent / "claim" / "job"
    return claim.read_text().split()[1] if claim.exists() else "here"
`;

const JOIN = `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, string>): Result<OpOutputs<"text">, OpFailure> {
  return ok({ text: Object.values(inputs).map((input) => input.text()).join("") });
}
`;

const aqmfile = (
  gates: string,
  { actions, slurm, action, environment }: ClusterOptions,
): string => `
import { action, build, committed, environment, file, from, pythonOp, typescriptOp } from "aqm";
const tiny = environment({ name: "tiny", requirements: "tiny.in", lock: "tiny.lock", ${environment ?? ""} });
const patient = pythonOp("patient", tiny);
const join = typescriptOp<typeof import("./rules/ops/join.ts")>("rules/ops/join.ts");
const made = Array.from({ length: ${actions} }, (_, index) =>
  action({
    op: patient,
    params: { n: index + 1, gates: ${JSON.stringify(gates)} },
    inputs: { source: file("source.txt") },
    outputs: { text: committed("out/" + (index + 1) + ".txt") },
    ${action ?? ""}
  }),
);
export default build(
  [
    action({
      op: join,
      params: {},
      inputs: Object.fromEntries(made.map((one, index) => ["part" + index, from(one, "text")])),
      outputs: { text: committed("sum.txt") },
    }),
  ],
  { slurm: { ${slurm ?? ""} } },
);
`;

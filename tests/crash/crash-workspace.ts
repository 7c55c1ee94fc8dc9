import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOfBytes, digestOfFolder, type Digest } from "../../src/model/digest.ts";
import { parseLockRecord } from "../../src/host/records/records.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { pythonOpFiles } from "../rig/python-op.ts";
import { REPOSITORY, TestWorkspace, type Finished } from "../rig/workspace.ts";

export const PAGE_RUNNER = join(REPOSITORY, "tests/crash/page-runner.mjs");
const INJECTOR = join(REPOSITORY, "tests/crash/fault-injector.mjs");

/** One action at a time, so that every build does the same things in the same order. */
const BUILD = ["--python", PAGE_RUNNER, "--jobs", "1", "--keep-going"];

/** A build that takes this long hangs; it is ended so that the test can say which one it was. */
const HANGS = 600_000;

/** What a build is to meet: see fault-injector.mjs. */
export interface Fault {
  readonly mode: "count" | "before" | "half" | "after" | "error" | "wipe";
  readonly at?: number;
  readonly code?: "ENOSPC" | "EIO";
  /** From the call on, everything that needs room fails, as on a full disk. */
  readonly sticky?: boolean;
  /** Only calls whose path has this in it. */
  readonly only?: string;
}

/** One call: operation, path below the workspace, has it a half, does it need room. */
export type DiskCall = readonly [operation: string, path: string, half: boolean, grows: boolean];

export interface UnderFault extends Finished {
  readonly calls: readonly DiskCall[];
}

/**
 * A workspace whose next build does everything that a build can do to a disk: outputs that are new,
 * replaced, restored from the store and refused by a gate; files, a folder, and several outputs of one
 * action.
 */
export class CrashWorkspace {
  readonly files: TestWorkspace;

  private constructor(files: TestWorkspace) {
    this.files = files;
  }

  /** Built once, not edited yet. */
  static async fresh(): Promise<CrashWorkspace> {
    const files = TestWorkspace.at(fs.mkdtempSync(join(tmpdir(), "aqm-crash-")));
    for (const [path, content] of Object.entries(SOURCES)) files.write(path, content);
    const schemas = "python/aqm_runner/schemas";
    fs.cpSync(join(REPOSITORY, schemas), files.path(schemas), { recursive: true });
    const workspace = new CrashWorkspace(files);
    const built = await workspace.build();
    if (built.code !== 0)
      throw new Error(`the first build failed:\n${built.stdout}${built.stderr}`);
    return workspace;
  }

  /** Built once, then edited, so that the next build has work of every kind. */
  static async edited(): Promise<CrashWorkspace> {
    const workspace = await CrashWorkspace.fresh();
    workspace.edit();
    return workspace;
  }

  edit(): void {
    const { files } = this;
    files.write("poems/one.txt", `roses are white\n${"thorns\n".repeat(40)}`);
    files.write("poems/pages.txt", "beta two\ngamma three\n");
    files.edit("Aqmfile.ts", "const EXTRA = false;", "const EXTRA = true;");
    fs.rmSync(files.path("big/two.txt"));
  }

  /** A copy of the folder as `cp -r` makes it. */
  copy(): CrashWorkspace {
    const root = fs.mkdtempSync(join(tmpdir(), "aqm-crash-"));
    fs.cpSync(this.files.root, root, { recursive: true });
    return new CrashWorkspace(TestWorkspace.at(root));
  }

  /** Removes all that builds made: the next one is a clean build. */
  forget(): void {
    for (const path of [".aqm", "aqm.lock", "big", "out"]) {
      fs.rmSync(this.files.path(path), { recursive: true });
    }
    this.files.write(README, SOURCES[README]);
  }

  remove(): void {
    this.files.remove();
  }

  /** A build in which the gate trips, under a fault, in a process of its own; it must not hang the test. */
  async faulty(fault: Fault): Promise<UnderFault> {
    const log = `${this.files.root}.calls`;
    fs.rmSync(log, { force: true });
    this.files.write(GATE, "shut");
    const running = this.files.start(["build", "--json", ...BUILD], {
      env: {
        NODE_OPTIONS: `--import=${INJECTOR}`,
        AQM_FAULT: JSON.stringify({ root: this.files.root, log, ...fault }),
      },
    });
    const watchdog = setTimeout(() => running.kill("SIGKILL"), HANGS);
    const built = await running.finished;
    this.files.write(GATE, OPEN);
    clearTimeout(watchdog);
    const text = fs.existsSync(log) ? fs.readFileSync(log, "utf8") : "";
    fs.rmSync(log, { force: true });
    const lines = text.split("\n").filter((line) => line !== "");
    return { ...built, calls: lines.map((line) => JSON.parse(line) as DiskCall) };
  }

  /** A build without a fault. */
  build(): ReturnType<TestWorkspace["build"]> {
    return this.files.build(BUILD);
  }

  /** The same, but the gate trips. */
  async buildWithGateShut(): Promise<void> {
    this.files.write(GATE, "shut");
    await this.build();
    this.files.write(GATE, OPEN);
  }

  /** Digests of all outputs that are there; a torn one has a digest that nobody knows. */
  outputs(): Readonly<Record<string, Digest>> {
    const found: Record<string, Digest> = {};
    for (const path of OUTPUTS) {
      const digest = digestOf(this.files.path(path));
      if (digest !== null) found[path] = digest;
    }
    return found;
  }

  /** Lock records without what they cost; throws for one that is not whole. */
  records(): Readonly<Record<string, Omit<ActionRecord, "cost">>> {
    const found: Record<string, Omit<ActionRecord, "cost">> = {};
    for (const path of filesBelow(this.files.path("aqm.lock"))) {
      if (!path.endsWith(".json")) continue;
      const whole = parseLockRecord(this.files.read(`aqm.lock/${path}`));
      if (whole === null) throw new Error(`${path} is damaged`);
      const { cost: _cost, ...record } = whole;
      found[record.target] = record;
    }
    return found;
  }

  /** Everything that only a build in progress may have. */
  litter(): readonly string[] {
    return filesBelow(this.files.root).filter(
      (path) =>
        path.endsWith(".tmp") ||
        path.endsWith(".old") ||
        /^\.aqm\/(stage|journal)\//.test(path) ||
        /^\.aqm\/.*\.lock(\.|$)/.test(path),
    );
  }

  /** Targets whose publication a crash interrupted after it was decided. */
  intents(): readonly string[] {
    const folder = this.files.path(".aqm/journal");
    if (!fs.existsSync(folder)) return [];
    return fs
      .readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => name.replace(/\.json$/, "").replaceAll("~", "/"));
  }
}

export function filesBelow(folder: string): readonly string[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function digestOf(path: string): Digest | null {
  const [file = "", id] = path.split("#");
  if (id !== undefined) {
    const [head, tail] = DOCUMENT;
    const text = fs.readFileSync(file, "utf8");
    if (!text.startsWith(head) || !text.endsWith(tail)) throw new Error(`${file} is torn`);
    const content = text.slice(head.length, text.length - tail.length);
    return content === "" ? null : digestOfBytes(content);
  }
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (!stat.isDirectory()) return digestOfBytes(fs.readFileSync(path));
  return digestOfFolder(
    filesBelow(path).map((name) => [name, digestOfBytes(fs.readFileSync(join(path, name)))]),
  );
}

/** Words of people around a region. */
const DOCUMENT = [
  "# Poems\r\n\n<!-- aqm:length begin -->\n",
  "<!-- aqm:length end -->\nthe end",
] as const;
const README = "docs/README.md";

/** What the edited Aqmfile makes; an output by path. */
const OUTPUTS = [
  `${README}#length`,
  "big/one.txt",
  "big/two.txt",
  "out/joined.txt",
  "out/length.txt",
  "out/gated.txt",
  "out/pages",
  "out/index.txt",
  "out/extra.txt",
];

const op = (run: string): string =>
  `import { err, ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, string>): Result<OpOutputs<"text">, OpFailure> {
  const text = Object.values(inputs).map((input) => input.text()).join("");
  ${run}
}
`;

/** What the gate reads: it is open as long as this is empty. */
const GATE = "gate.txt";
const OPEN = "";

const SOURCES = {
  [GATE]: OPEN,
  [README]: DOCUMENT.join(""),
  "poems/one.txt": `roses are red\n${"thorns\n".repeat(40)}`,
  "poems/two.txt": `violets are blue\n${"leaves\n".repeat(40)}`,
  "poems/pages.txt": "alpha one\nbeta one\n",
  "fake.in": "fake==1.0\n",
  "fake.lock": "fake==1.0 --hash=sha256:0\n",
  "conf/style/plain.yaml": "loud: true\n",
  "conf/schema/style.schema.json": JSON.stringify({
    type: "object",
    additionalProperties: false,
    required: ["loud"],
    properties: { loud: { type: "boolean" } },
  }),
  "python/aqm_runner/__init__.py": "",
  "python/aqm_runner/ops/__init__.py": "",
  ...pythonOpFiles("pages", {
    inputs: { source: "file" },
    outputs: { pages: "folder", index: "file" },
  }),
  "rules/ops/shout.ts": op("return ok({ text: text.toUpperCase() });"),
  "rules/ops/join.ts": op("return ok({ text });"),
  "rules/ops/count.ts": op('return ok({ text: (text.length + "\\n").repeat(50) });'),
  // The gate is a file, so that the very same action passes it later.
  "rules/ops/gate.ts": op(
    'if (inputs["gate"]?.text() === "shut") return err({ reason: "gate_failed", message: "the gate is shut", nextStep: "Open it." });\n' +
      '  return ok({ text: text.replace("ROSES", "POSES") });',
  ),
  "Aqmfile.ts": `import { action, build, committed, configuration, environment, file, from, local, pythonOp, region, typescriptOp } from "aqm";
const EXTRA = false;
const shout = typescriptOp<typeof import("./rules/ops/shout.ts")>("rules/ops/shout.ts");
const join = typescriptOp<typeof import("./rules/ops/join.ts")>("rules/ops/join.ts");
const count = typescriptOp<typeof import("./rules/ops/count.ts")>("rules/ops/count.ts");
const gate = typescriptOp<typeof import("./rules/ops/gate.ts")>("rules/ops/gate.ts");
const fake = environment({ name: "fake", requirements: "fake.in", lock: "fake.lock" });
const pages = pythonOp("pages", fake);
const { loud } = configuration<{ loud: boolean }>("style", "plain");
const shouted = (name: string) =>
  action({ op: shout, params: { loud }, inputs: { poem: file("poems/" + name + ".txt") }, outputs: { text: local("big/" + name + ".txt") } });
const [one, two] = [shouted("one"), shouted("two")];
const joined = action({ op: join, params: {}, inputs: { a: from(one, "text"), b: from(two, "text") }, outputs: { text: committed("out/joined.txt") } });
export default build([
  action({ op: count, params: {}, inputs: { text: from(joined, "text") }, outputs: { text: committed("out/length.txt") } }),
  action({ op: count, params: {}, inputs: { text: from(joined, "text") }, outputs: { text: region("docs/README.md", "length") } }),
  action({ op: gate, params: {}, inputs: { text: from(one, "text"), gate: file("gate.txt") }, outputs: { text: committed("out/gated.txt") } }),
  action({
    op: pages,
    params: {},
    inputs: { source: file("poems/pages.txt") },
    outputs: { pages: committed("out/pages", "folder"), index: committed("out/index.txt") },
  }),
  ...(EXTRA
    ? [action({ op: count, params: {}, inputs: { text: from(two, "text") }, outputs: { text: committed("out/extra.txt") } })]
    : []),
]);
`,
};

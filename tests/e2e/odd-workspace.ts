import * as fs from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Failure } from "../../src/model/failure.ts";
import { pythonOpFiles } from "../rig/python-op.ts";
import { REPOSITORY, TestWorkspace, type RunOptions } from "../rig/workspace.ts";

export const RUNNER = join(REPOSITORY, "tests/e2e/folder-runner.mjs");
const SCHEMAS = "python/aqm_runner/schemas";

const INPUTS = { a: "file", text: "file", tree: "folder" } as const;

/** What every Aqmfile of these tests begins with; `copy` puts its texts together, `folder` is `writer.mjs`. */
const PROLOGUE = `import { action, build, committed, environment, file, folder, from, local, pythonOp, typescriptOp } from "aqm";
const copy = typescriptOp<typeof import("./rules/ops/copy.ts")>("rules/ops/copy.ts");
const fake = environment({ name: "fake", requirements: "fake.in", lock: "fake.lock" });
const [file_made, folder_made] = [pythonOp("file_made", fake), pythonOp("folder_made", fake)];
`;

export interface Built {
  readonly code: number | null;
  readonly text: string;
  readonly events: readonly BuildEvent[];
  readonly ran: readonly string[];
  readonly notices: readonly string[];
  /** By target. */
  readonly failures: ReadonlyMap<string, Failure>;
}

/** A workspace with a TypeScript op that copies text, and an op that writes whatever a test wants. */
export class OddWorkspace {
  readonly files: TestWorkspace;

  constructor(files: Readonly<Record<string, string>>, declarations: string, writer = "") {
    this.files = TestWorkspace.create({
      "fake.in": "fake==1.0\n",
      "fake.lock": "fake==1.0 --hash=sha256:0\n",
      "python/aqm_runner/__init__.py": "",
      "python/aqm_runner/ops/__init__.py": "",
      ...pythonOpFiles("file_made", { optionalInputs: INPUTS, outputs: { made: "file" } }),
      ...pythonOpFiles("folder_made", { optionalInputs: INPUTS, outputs: { made: "folder" } }),
      "rules/ops/copy.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, string>): Result<OpOutputs<"text">, OpFailure> {
  return ok({ text: Object.values(inputs).map((input) => input.text()).join("") });
}
`,
      ...files,
    });
    fs.cpSync(join(REPOSITORY, SCHEMAS), this.files.path(SCHEMAS), { recursive: true });
    this.declare(declarations);
    this.writes(writer);
  }

  /** What `build([…])` is given. */
  declare(declarations: string): void {
    this.files.write("Aqmfile.ts", `${PROLOGUE}export default build([${declarations}]);\n`);
  }

  /** The body of the op that makes folders: it has fs, params, inputs, outputs. */
  writes(body: string): void {
    this.files.write(
      "writer.mjs",
      `import * as fs from "node:fs";\nexport function write({ params, inputs, outputs }) {\n${body}\n}\n`,
    );
  }

  async build(args: readonly string[] = [], options: RunOptions = {}): Promise<Built> {
    const all = ["--python", RUNNER, "--keep-going", ...args];
    const { code, stdout, stderr, events, ran } = await this.files.build(all, options);
    expect(stdout + stderr).not.toMatch(STACK_TRACE);
    const notices = events.flatMap((event) => (event.type === "notice" ? [event.message] : []));
    const failures = new Map(
      events.flatMap((event) =>
        event.type === "action_failed" ? [[event.target, event.failure] as const] : [],
      ),
    );
    return { code, text: stdout + stderr, events, ran, notices, failures };
  }

  /** The text that a person sees. */
  async says(...args: readonly string[]): Promise<{ code: number | null; text: string }> {
    const { code, stdout, stderr } = await this.files.aqm(args);
    expect(stdout + stderr).not.toMatch(STACK_TRACE);
    return { code, text: stdout + stderr };
  }

  remove(): void {
    this.files.remove();
  }
}

const STACK_TRACE = /^\s+at .*:\d+:\d+\)?$/m;

export const copyOf = (input: string, output: string): string =>
  `action({ op: copy, params: {}, inputs: { text: ${input} }, outputs: { text: committed(${JSON.stringify(output)}) } }),\n`;

/** `outputs` is one of the role made; `inputs` are some of INPUTS. */
export const madeFrom = (inputs: string, outputs: string): string =>
  `action({ op: ${/"folder"/.test(outputs) ? "folder" : "file"}_made, params: {}, inputs: ${inputs}, outputs: ${outputs} }),\n`;

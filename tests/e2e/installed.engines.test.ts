import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openSession, type Session } from "../../src/cli/session/session.ts";
import { layoutOf, type Layout } from "../../src/host/disk/layout.ts";
import { describeEnvironment } from "../../src/host/python/environment-lock.ts";
import { configGroups } from "../../src/host/aqmfile/config-groups.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { actionKey, describeAction, sourceFile } from "../../src/keys/describe.ts";
import type { ActionNode } from "../../src/graph/graph.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import { installInto, packedInto } from "../rig/packed.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/**
 * Keys do not say where aqm lies: the targets of this checkout have the same keys in a workspace elsewhere, into
 * which `npm install` put the tarball that `npm pack` made. That workspace has no configs of its own.
 */
let checkout: TestWorkspace;
let installed: TestWorkspace;
let here: Session;
let elsewhere: Session;
let files: readonly string[];

beforeAll(async () => {
  checkout = TestWorkspace.copyOfRepository();
  fs.cpSync(join(REPOSITORY, "conf"), checkout.path("conf"), { recursive: true });
  installed = TestWorkspace.create({
    "Aqmfile.ts": checkout.read("Aqmfile.ts"),
    "package.json": '{ "type": "module" }\n',
  });
  const packed = packedInto(installed.root);
  files = packed.files;
  expect(packed.bytes).toBeLessThan(4_000_000);
  installInto(installed.root, packed);
  const copy = layoutOf(installed.root, installed.path("node_modules/aqm"));
  here = await opened(layoutOf(checkout.root, checkout.root));
  elsewhere = await opened(copy);
});
afterAll(() => {
  installed.remove();
  checkout.remove();
});

async function opened(layout: Layout): Promise<Session> {
  const session = await openSession({ targets: [layout.root], layout });
  if (!session.ok) throw new Error(JSON.stringify(session.error));
  return session.value;
}

/** What an action's key is once its inputs are known; these are given the same digests everywhere. */
function keyOf(node: ActionNode, { opSources, workspace }: Session): Digest {
  const { op } = node.declaration;
  const inputs = node.inputs.map(({ role, path }) => [role, digestOfBytes(path)]);
  const environment = op.runtime === "python" ? workspace.environment(op.environment) : null;
  const known = Object.fromEntries(inputs) as Record<string, Digest>;
  return actionKey(describeAction(node, known, opSources.of(node), environment));
}

const keysOf = (session: Session): Readonly<Record<string, Digest>> =>
  Object.fromEntries(session.aqmfile.graph.actions.map((node) => [node.id, keyOf(node, session)]));

describe("the package", () => {
  it("has what a workspace needs, and none of what this repository is tested and measured with", () => {
    const tops = new Set(files.map((path) => path.split("/")[0]));
    expect(tops).toEqual(
      new Set("README.md bin conf dist package.json python rules src types".split(" ")),
    );
    expect(
      files.filter((path) => /(?:^|\/)(?:tests|__pycache__)\/|\.test\.ts$/.test(path)),
    ).toEqual([]);
    for (const path of [
      "dist/main.js",
      "python/requirements.lock",
      "conf/schema/model.schema.json",
    ])
      expect(files).toContain(path);
  });

  it("asks for no script when it is installed", () => {
    const { scripts } = JSON.parse(installed.read("node_modules/aqm/package.json")) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(scripts).filter((name) => /^(?:pre|post)?install$/.test(name))).toEqual([]);
  });
});

describe("the same package, in a checkout and installed elsewhere", () => {
  it("gives all actions the same keys, TypeScript and Python", () => {
    const runtimes = elsewhere.aqmfile.graph.actions.map(({ declaration: { op } }) => op.runtime);
    expect(new Set(runtimes)).toEqual(new Set(["typescript", "python"]));
    const [keys, wanted] = [keysOf(elsewhere), keysOf(here)];
    expect(Object.keys(keys)).toEqual(Object.keys(wanted));
    expect(Object.keys(keys).filter((id) => keys[id] !== wanted[id])).toEqual([]);
  });

  it("names sources by their modules, and knows the file behind each of them", () => {
    const report = elsewhere.aqmfile.graph.actions.find(({ id }) => id.endsWith("sensitivity.md"));
    const scores = elsewhere.aqmfile.graph.actions.find(({ id }) => id.endsWith("scores.json"));
    if (report === undefined || scores === undefined) throw new Error("no such targets");
    const modules = [report, scores].flatMap((node) => {
      const source = elsewhere.opSources.of(node);
      return Object.keys(source.sources).map((name) => [name, sourceFile(source, name)] as const);
    });
    for (const [name, file] of modules) {
      expect(name).toMatch(/^(?:aqm|aqm_runner)\/[\w/-]+\.(?:ts|py|json)$/);
      expect(file).toMatch(/^node_modules\/aqm\/(?:src|rules|python)\//);
      expect(installed.exists(file)).toBe(true);
    }
    expect(Object.fromEntries(modules)).toMatchObject({
      "aqm/rules/ops/markdown-report.ts": "node_modules/aqm/rules/ops/markdown-report.ts",
      "aqm/analysis/report/how-to-read.ts": "node_modules/aqm/src/analysis/report/how-to-read.ts",
      "aqm_runner/ops/sensitivity_scores.py":
        "node_modules/aqm/python/aqm_runner/ops/sensitivity_scores.py",
    });
  });

  it("reads the lock files of its environments", () => {
    const names = elsewhere.aqmfile.environments.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(1);
    for (const { layout, aqmfile } of [here, elsewhere])
      for (const environment of aqmfile.environments)
        expect(describeEnvironment(layout, environment, new Evidence()).ok).toBe(true);
  });

  it("runs from there", async () => {
    const own = TestWorkspace.at(installed.root, installed.path("node_modules/aqm/bin/aqm.js"));
    const { code, stdout } = await own.aqm([
      "query",
      "rdeps",
      "--direct",
      "node_modules/aqm/rules/ops/bit-plan.ts",
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/bit-plans\//);
  });
});

describe("a config of the workspace", () => {
  const PAIR = "conf/quant_pair/wfp8_afp8.yaml";
  const shipped = `node_modules/aqm/${PAIR}`;
  afterEach(() => fs.rmSync(installed.path("conf"), { recursive: true, force: true }));

  it("takes the place of the one that comes with aqm, and leaves the others", async () => {
    const run = "qwen3_vl_tiny/layer-analysis/weight-fp8-act-fp8";
    installed.write("conf/output_layout/publish.yaml", "name: publish\nroot: results\n");
    const { stdout } = await installed.aqm(["list", `results/${run}`]);
    expect(stdout).toContain(`results/${run}/qwen3_vl_tiny_autoquant_wfp8_afp8_lm_small/`);
    const before = await installed.aqm(["list", `models/${run}`]);
    expect(before.code).toBe(2);
  });

  it("is checked against the schema that comes with aqm, which the message names", async () => {
    installed.write(PAIR, `${installed.read(shipped)}colour: red\n`);
    const { code, stderr } = await installed.aqm(["list"]);
    expect(code).toBe(2);
    expect(stderr).toContain("colour");
    expect(stderr).toContain(PAIR);
    expect(stderr).not.toContain(shipped);
  });

  it("of a group with a schema of the workspace is not mixed with those of aqm", () => {
    installed.write("conf/schema/prompts.schema.json", '{ "type": "object" }\n');
    installed.write("conf/prompts/mine.yaml", "free: form\n");
    const groups = configGroups({
      own: installed.path("conf"),
      defaults: installed.path("node_modules/aqm/conf"),
    });
    const named = new Map(groups.map(({ name, files: of }) => [name, Object.keys(of)]));
    expect(named.get("prompts")).toEqual(["mine.yaml"]);
    expect(named.get("inc")).toEqual(["default.yaml"]);
  });
});

describe("the examples of docs/api.md", () => {
  it("compile against the types of the package, and declare what they say", async () => {
    const text = fs.readFileSync(join(REPOSITORY, "docs/api.md"), "utf8");
    const examples = [...text.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)];
    expect(examples.map(([, path]) => path)).toEqual([
      "Aqmfile.ts",
      "rules/widest.ts",
      "rules/ops/widest.ts",
    ]);
    const compilerOptions = {
      strict: true,
      module: "nodenext",
      noEmit: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
    };
    const workspace = TestWorkspace.at(
      fs.mkdtempSync(join(installed.root, "examples-")),
      installed.path("node_modules/aqm/bin/aqm.js"),
    );
    workspace.write("package.json", '{ "type": "module" }\n');
    workspace.write("tsconfig.json", JSON.stringify({ compilerOptions, include: ["."] }));
    for (const [, path = "", code = ""] of examples) workspace.write(path, code);
    const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
    const compiled = spawnSync(process.execPath, [compiler, "-p", workspace.root], {
      encoding: "utf8",
    });
    expect(compiled.stdout).toBe("");
    const { code, stdout } = await workspace.aqm(["list"]);
    expect(code).toBe(0);
    expect(stdout).toContain("wfp8_afp8.txt\nwint8_aint8.txt\n");
  });
});

describe("an op of the workspace itself", () => {
  const NAME = "rules/ops/own.ts";

  it("is named by its path in the workspace, and has the same key under any aqm", async () => {
    const workspace = TestWorkspace.create({
      [NAME]: `import { ok, type OpCall } from "aqm";
import { printf } from "./helper.ts";
export const version = 1;
export const run = (call: OpCall<object, "text">) => ok({ text: printf(call.inputs.text.text()) });
`,
      "rules/ops/helper.ts": "export const printf = (text: string): string => text.trim();\n",
      "Aqmfile.ts": `import { action, build, committed, file, typescriptOp } from "aqm";
const op = typescriptOp<typeof import("./rules/ops/own.ts")>("rules/ops/own.ts");
export default build([action({ op, params: {}, inputs: { text: file("in") }, outputs: { text: committed("out") } })]);
`,
    });
    const sessions = [REPOSITORY, installed.path("node_modules/aqm")].map((aqm) =>
      opened(layoutOf(workspace.root, aqm)),
    );
    const [first, second] = [await sessions[0], await sessions[1]];
    workspace.remove();
    if (first === undefined || second === undefined) throw new Error("not opened");
    expect(keysOf(first)).toEqual(keysOf(second));
    const [node] = first.aqmfile.graph.actions;
    expect(node && Object.keys(first.opSources.of(node).sources)).toEqual([
      "aqm/model/result.ts",
      "rules/ops/helper.ts",
      NAME,
    ]);
  });
});

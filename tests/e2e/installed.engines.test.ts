import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSession, type Session } from "../../src/cli/session/session.ts";
import { layoutOf, type Layout } from "../../src/host/disk/layout.ts";
import { describeEnvironment } from "../../src/host/python/environment-lock.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { actionKey, describeAction, sourceFile } from "../../src/keys/describe.ts";
import type { ActionNode } from "../../src/graph/graph.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/**
 * Keys do not say where aqm lies: the targets of this checkout have the same keys in a workspace elsewhere, into
 * which the package was installed as real files.
 */
const PACKAGE = ["package.json", "bin", "dist", "src", "rules", "python"];

let checkout: TestWorkspace;
let installed: TestWorkspace;
let here: Session;
let elsewhere: Session;

beforeAll(async () => {
  checkout = TestWorkspace.copyOfRepository();
  const aqmfile = checkout.read("Aqmfile.ts");
  installed = TestWorkspace.create({
    "Aqmfile.ts": aqmfile.replaceAll('"./rules/', '"./node_modules/aqm/rules/'),
    "package.json": '{ "type": "module" }\n',
  });
  fs.cpSync(checkout.path("conf"), installed.path("conf"), { recursive: true });
  const isShipped = (path: string): boolean => !/__pycache__|python\/tests/.test(path);
  for (const name of PACKAGE)
    fs.cpSync(join(REPOSITORY, name), installed.path(`node_modules/aqm/${name}`), {
      recursive: true,
      filter: isShipped,
    });
  for (const name of fs.readdirSync(join(REPOSITORY, "node_modules")))
    fs.symlinkSync(join(REPOSITORY, "node_modules", name), installed.path(`node_modules/${name}`));
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

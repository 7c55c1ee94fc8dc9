import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { FAKE_PYTHON, FakeRunners, type FakeJob } from "../rig/fake-runners.ts";
import { pythonOpFiles } from "../rig/python-op.ts";
import { WIDE } from "../rig/wide.ts";
import { REPOSITORY, TestWorkspace, type UnderWay } from "../rig/workspace.ts";

/*
 * Members of a batch that differ in one input: plans, each made in the same build from its line of plans.txt by one
 * action, measured together on one data set.
 */

const FILES = {
  "plans.txt": "one\ntwo\nthree\n",
  "data.txt": "data\n",
  "fake.in": "fake==1.0\n",
  "fake.lock": "fake==1.0 --hash=sha256:0\n",
  "python/aqm_runner/__init__.py": "",
  "python/aqm_runner/ops/__init__.py": "",
  ...pythonOpFiles("measure", {
    inputs: { plan: "file", data: "file" },
    outputs: { quality: "file" },
  }),
  "rules/ops/lines.ts": `import { err, ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs, params }: OpCall<{ names: readonly string[] }, "text">): Result<OpOutputs<string>, OpFailure> {
  const lines = inputs.text.text().trim().split("\\n");
  if (lines.includes("impossible")) return err({ message: "a plan is impossible" });
  return ok(Object.fromEntries(params.names.map((name, at) => [name, \`\${lines[at]}\\n\`])));
}
`,
  "Aqmfile.ts": `import { action, build, committed, environment, file, from, local, pythonOp, typescriptOp } from "aqm";
const fake = environment({ name: "fake", requirements: "fake.in", lock: "fake.lock" });
const measure = pythonOp("measure", fake);
const lines = typescriptOp<typeof import("./rules/ops/lines.ts")>("rules/ops/lines.ts");
const names = ["a", "b", "c"];
const plans = action({
  op: lines,
  params: { names },
  inputs: { text: file("plans.txt") },
  outputs: Object.fromEntries(names.map((name) => [name, local("plans/" + name + ".txt")])),
});
export default build([
  ...[...names.map((name) => [name, from(plans, name)] as const), ["source", file("own.txt")] as const].map(([name, plan]) =>
    action({
      op: measure,
      params: {},
      inputs: { plan, data: file("data.txt") },
      outputs: { quality: committed("quality/" + name + ".txt") },
      batch: { apart: ["plan"] },
    }),
  ),
]);
`,
};

let workspace: TestWorkspace;
let runners: FakeRunners;

beforeEach(async () => {
  workspace = TestWorkspace.create({ ...FILES, "own.txt": "own\n" });
  const schemas = "python/aqm_runner/schemas";
  fs.cpSync(join(REPOSITORY, schemas), workspace.path(schemas), { recursive: true });
  runners = await FakeRunners.listen(workspace);
});
afterEach(() => {
  runners.close();
  workspace.remove();
});

const ARGUMENTS = ["build", "--json", "--python", FAKE_PYTHON, "--jobs", "1"];
const build = (...args: string[]): UnderWay => workspace.begin([...ARGUMENTS, ...args]);
const of = (...names: string[]): string[] => names.map((name) => `quality/${name}.txt`);
const ids = ({ request }: FakeJob): readonly string[] => request.actions.map(({ id }) => id).sort();
const planOf = (job: FakeJob, target: string): string =>
  job.request.actions.find(({ id }) => id === target)?.inputs["plan"]?.path ?? "";
const record = (target: string): ActionRecord =>
  JSON.parse(workspace.read(`aqm.lock/${target}.json`)) as ActionRecord;
const isRecorded = (target: string): boolean => workspace.exists(`aqm.lock/${target}.json`);
const settled = (target: string) => (event: BuildEvent) =>
  event.type === "action_settled" && event.target === target;
const failureOf = async (running: UnderWay, target: string): Promise<object> => {
  const event = await running.event((e) => e.type === "action_failed" && e.target === target);
  return event.type === "action_failed" ? event.failure : {};
};
const gateFailed = (target: string, message: string) => ({
  ...{ type: "failed", action: target, class: "gate_failed", retryable: false },
  ...{ reason: "unreadable_plan", message },
});
async function measureAll(): Promise<void> {
  const running = build();
  (await runners.nextJob()).succeed();
  expect((await running.finished).code).toBe(0);
}

it("is one job of all, each with its own plan, key and record", async () => {
  const running = build();
  const job = await runners.nextJob();
  expect(ids(job)).toEqual(of("a", "b", "c", "source"));
  expect(fs.readFileSync(planOf(job, "quality/b.txt"), "utf8")).toBe("two\n");
  expect(fs.readFileSync(planOf(job, "quality/source.txt"), "utf8")).toBe("own\n");
  job.succeed();
  expect((await running.finished).code).toBe(0);
  const keys = of("a", "b", "c", "source").map((target) => record(target).key);
  expect(new Set(keys).size).toBe(4);
  workspace.edit("Aqmfile.ts", '      batch: { apart: ["plan"] },\n', "");
  const alone = await build().finished;
  expect(alone.stdout).toContain('"ran":0,"restored":0,"shared":0,"fresh":5');
});

it.runIf(WIDE)("measures again only the plan that has changed", async () => {
  await measureAll();
  workspace.write("plans.txt", "one\nother\nthree\n");
  const again = build();
  const job = await runners.nextJob();
  expect(ids(job)).toEqual(of("b"));
  job.succeed();
  expect((await again.finished).stdout).toContain('"ran":2,"restored":0,"shared":0,"fresh":3');
});

it.runIf(WIDE)("measures nothing where plans come out as they were", async () => {
  await measureAll();
  workspace.write("plans.txt", "one\ntwo\nthree\nfour\n");
  expect((await build().finished).stdout).toContain('"ran":1,"restored":0,"shared":0,"fresh":4');
});

it.runIf(WIDE)("goes without a member whose plan is missing or cannot be made", async () => {
  workspace.write("plans.txt", "impossible\n");
  const running = build("--keep-going");
  const job = await runners.nextJob();
  expect(ids(job)).toEqual(of("source"));
  job.succeed();
  const { code, stdout } = await running.finished;
  expect(code).toBe(1);
  expect(stdout).toContain('"ran":1,"restored":0,"shared":0,"fresh":0,"failed":1,"blocked":3');

  workspace.write("plans.txt", "one\ntwo\nthree\n");
  fs.rmSync(workspace.path("own.txt"));
  const second = build("--keep-going");
  const rest = await runners.nextJob();
  expect(ids(rest)).toEqual(of("a", "b", "c"));
  rest.succeed();
  expect((await second.finished).stdout).toContain('"blocked":1');
});

it.runIf(WIDE)(
  "tells of a member whose plan is damaged, and the others have their results",
  async () => {
    const running = build();
    const job = await runners.nextJob();
    job.send(gateFailed("quality/b.txt", "plans/b.txt is no plan"));
    for (const target of of("a", "c", "source")) job.finish(target);
    job.idle();
    expect(await failureOf(running, "quality/b.txt")).toMatchObject({
      reason: "gate_failed",
      message: "plans/b.txt is no plan",
    });
    expect((await running.finished).code).toBe(1);
    expect(of("a", "b", "c", "source").map(isRecorded)).toEqual([true, false, true, true]);
  },
);

it("does not record a member whose plan was edited meanwhile, and records the others (P12)", async () => {
  const running = build();
  const job = await runners.nextJob();
  workspace.write("own.txt", "edited\n");
  for (const target of of("a", "source", "b", "c")) job.finish(target);
  job.idle();
  expect(await failureOf(running, "quality/source.txt")).toMatchObject({
    reason: "input_changed",
    place: { file: "own.txt" },
  });
  await running.finished;
  expect(of("a", "b", "c", "source").map(isRecorded)).toEqual([true, true, true, false]);
});

it.runIf(WIDE)(
  "keeps what was measured before it is interrupted, and goes on with the rest",
  async () => {
    const running = workspace.start(ARGUMENTS);
    const job = await runners.nextJob();
    job.finish("quality/b.txt");
    await running.event(settled("quality/b.txt"));
    running.kill("SIGINT");
    await job.signal();
    job.exit(130);
    expect((await running.finished).code).toBe(130);
    expect(of("a", "b", "c", "source").map(isRecorded)).toEqual([false, true, false, false]);
    const again = build();
    const rest = await runners.nextJob();
    expect(ids(rest)).toEqual(of("a", "c", "source"));
    rest.succeed();
    expect((await again.finished).code).toBe(0);
  },
);

it.runIf(WIDE)("brings a plan back that is not here, before the member that needs it", async () => {
  await measureAll();
  fs.rmSync(workspace.path("plans"), { recursive: true });
  fs.rmSync(workspace.path(".aqm/store"), { recursive: true });
  workspace.write("data.txt", "other data\n");
  const again = build();
  const job = await runners.nextJob();
  expect(ids(job)).toEqual(of("a", "b", "c", "source"));
  expect(fs.readFileSync(planOf(job, "quality/c.txt"), "utf8")).toBe("three\n");
  job.succeed();
  expect((await again.finished).code).toBe(0);
});

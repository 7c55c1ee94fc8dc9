import * as fs from "node:fs";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { startProcess } from "../../src/host/process/process.ts";
import { onPath } from "../../src/host/process/on-path.ts";
import { aheadArguments } from "../../src/host/python/runner-environment.ts";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import { isGone } from "../rig/processes.ts";
import { REPOSITORY, type TestWorkspace, type UnderWay } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/* Runners for devices start and import while a job still makes what theirs will read. */

let workspace: TestWorkspace;
let runners: FakeRunners;

beforeEach(async () => {
  workspace = runnerWorkspace();
  workspace.write(
    "Aqmfile.ts",
    `import { action, build, committed, environment, file, from, pythonOp } from "aqm";
const fake = environment({ name: "fake", requirements: "fake.in", lock: "fake.lock" });
const work = pythonOp("work", fake);
const data = action({
  op: work, params: { n: 0 }, inputs: { source: file("source.txt") },
  outputs: { text: committed("data.txt") }, resources: { cpu: 1 },
});
const scores = [1, 2, 3].map((n) =>
  action({
    op: work, params: { n }, inputs: { source: from(data, "text") },
    outputs: { text: committed("scores/" + n + ".txt") }, resources: { gpu: 1 }, batch: { apart: ["n"] },
  }));
export default build(scores);
`,
  );
  runners = await FakeRunners.listen(workspace);
});

afterEach(() => {
  runners.close();
  workspace.remove();
});

const BUILD = ["build", "--json", "--python", FAKE_PYTHON];
const env = (): Record<string, string> => ({ AQM_GPU_LEASES: workspace.path(".run") });
const build = (...args: readonly string[]): UnderWay =>
  workspace.begin([...BUILD, ...args], { env: env() });

describe("while the input of actions on GPUs is made", () => {
  it("their runners start side by side, one for each device, and get the jobs", async () => {
    const running = build("--gpus", "0,1");
    const data = await runners.nextJob();
    const ahead = await runners.ahead(2);
    expect(ahead.map(({ devices }) => devices).sort()).toEqual(["0", "1"]);
    expect(ahead.map(({ imports }) => imports)).toEqual(["work", "work"]);
    expect(runners.untaken).toBe(0);
    data.succeed();
    const jobs = [await runners.nextJob(), await runners.nextJob()];
    expect(jobs.map(({ pid }) => pid).sort()).toEqual(ahead.map(({ pid }) => pid).sort());
    for (const job of jobs) job.succeed();
    expect((await running.finished).code).toBe(0);
    expect(await runners.ahead(2)).toHaveLength(2);
  });

  it("one starts where their job shares its work out over devices", async () => {
    workspace.edit("Aqmfile.ts", "resources: { gpu: 1 }", "resources: { gpu: 1, upToGpus: 8 }");
    const running = build("--gpus", "0,1");
    const data = await runners.nextJob();
    const [ahead] = await runners.ahead(1);
    data.succeed();
    const job = await runners.nextJob();
    expect([job.pid, job.devices, job.request.replicas]).toEqual([ahead?.pid, "0", ["1"]]);
    job.succeed();
    expect((await running.finished).code).toBe(0);
    expect(await runners.ahead(1)).toHaveLength(1);
  });

  it("no more runners start than there are actions", async () => {
    const running = build("--gpus", "0,1,2,3", "scores/1.txt");
    const data = await runners.nextJob();
    await runners.ahead(1);
    data.succeed();
    (await runners.nextJob()).succeed();
    expect((await running.finished).code).toBe(0);
    expect(await runners.ahead(1)).toHaveLength(1);
  });

  it("one that cannot import ends, and the job has its own", async () => {
    workspace.write(".fake-cannot-import", "");
    const running = build("--gpus", "0");
    (await runners.nextJob()).succeed();
    (await runners.nextJob()).succeed();
    expect((await running.finished).code).toBe(0);
  });

  it("one that ends in its import when it has a job already leaves the job to another one", async () => {
    workspace.write(".fake-cannot-import", "late");
    const running = build("--gpus", "0");
    const data = await runners.nextJob();
    const [ahead] = await runners.ahead(1);
    data.succeed();
    const job = await runners.nextJob();
    expect(job.pid).not.toBe(ahead?.pid);
    job.succeed();
    expect((await running.finished).code).toBe(0);
  });

  it("and that fails, runners that nobody needs any more are ended", async () => {
    const running = build("--gpus", "0");
    const data = await runners.nextJob();
    const [ahead] = await runners.ahead(1);
    data.fail({ class: "gate_failed", reason: "bad", message: "it is bad" });
    data.exit(3);
    expect((await running.finished).code).toBe(1);
    expect(isGone(ahead?.pid ?? 0)).toBe(true);
  });

  it("and the build is stopped, they end with it", async () => {
    const running = workspace.start([...BUILD, "--gpus", "0"], { env: env() });
    const data = await runners.nextJob();
    const [ahead] = await runners.ahead(1);
    running.kill("SIGINT");
    await data.signal();
    data.exit(130);
    expect((await running.finished).code).toBe(130);
    expect(isGone(ahead?.pid ?? 0)).toBe(true);
  });
});

it("nothing starts ahead where the actions can begin at once", async () => {
  const first = build("--gpus", "0", "data.txt");
  (await runners.nextJob()).succeed();
  expect((await first.finished).code).toBe(0);
  const second = build("--gpus", "0");
  (await runners.nextJob()).succeed();
  expect((await second.finished).code).toBe(0);
  expect(await runners.ahead(0)).toEqual([]);
});

describe("a real runner that imports ahead", () => {
  async function started(op: string): Promise<{ said: readonly string[]; code: number | null }> {
    workspace.write("python/aqm_runner/ops/work.py", op);
    const python = onPath("python3");
    if (python === null) throw new Error("there is no python3");
    const layout = layoutOf(workspace.root, REPOSITORY);
    const child = await startProcess({
      command: python,
      args: aheadArguments(layout, "work"),
      cwd: workspace.root,
      env: {
        PATH: process.env["PATH"] ?? "",
        PYTHONPATH: workspace.path("python"),
        AQM_EVENTS_FD: "3",
      },
      log: workspace.path("runner.log"),
    });
    const said: string[] = [];
    createInterface({ input: child.events }).on("line", (line) => {
      said.push((JSON.parse(line) as { type: string }).type);
      child.stdin.end();
    });
    const { code } = await child.exited;
    return { said, code };
  }

  beforeEach(() => {
    for (const part of ["runner", "schemas", "__main__.py"])
      fs.cpSync(
        `${REPOSITORY}/python/aqm_runner/${part}`,
        workspace.path(`python/aqm_runner/${part}`),
        { recursive: true },
      );
  });

  it("says hello when it has imported the op", async () => {
    const { said } = await started(
      `open("${workspace.path("python/aqm_runner/imported")}", "w").close()\n`,
    );
    expect(said).toEqual(["hello"]);
    expect(workspace.exists("python/aqm_runner/imported")).toBe(true);
  });

  it("ends where the op reads at its import what is no input, so that the job finds it out", async () => {
    const { said, code } = await started(`open("${workspace.path("source.txt")}").close()\n`);
    expect([said, code]).toEqual([[], 3]);
  });
});

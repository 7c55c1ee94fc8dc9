import { afterEach, expect, it } from "vitest";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import type { Finished, TestWorkspace } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/* What a plan is expected to cost, on the command line: before any run, after one, and with a limit. */

let workspace: TestWorkspace;
let runners: FakeRunners | null = null;

afterEach(() => {
  runners?.close();
  runners = null;
  workspace.remove();
});

const aqm = (...args: string[]): Promise<Finished> =>
  workspace.aqm([...args, "--gpus", "0"], { env: { AQM_GPU_LEASES: workspace.path(".run") } });

const PRIOR = `batch: { apart: ["n"], shared: 0.5 },
    expected: { gpuSeconds: [60, 240], gpuMemoryBytes: [10e9, 20e9], because: "a guess for tests" },`;

it("is predicted from a prior, then from what was measured; a limit is kept", async () => {
  workspace = runnerWorkspace({
    ...{ gpu: 3, action: PRIOR, resources: "memoryBytes: 1e6, seconds: 600" },
  });
  const before = await aqm("build", "--dry-run");
  // Three together: half of one lone run once, and half of one for each.
  expect(before.stdout).toContain("2–8 min of GPU time, 10–24 GB of GPU memory");
  expect(before.stdout).toContain("4 from a prior");
  expect(before.stdout).toContain("prior: a guess for tests");

  const limit = "--max-gpu-hours";
  const planned = await aqm("build", "--dry-run", "--json", limit, "0.1");
  expect(planned.code).toBe(13);
  expect((JSON.parse(planned.stdout) as { cost: object }).cost).toMatchObject({
    gpuSeconds: { low: 120, likely: 240, high: 480 },
    basis: { own: 0, similar: 0, prior: 4 },
  });
  const resources = { cpu: 1, gpu: 1, memoryBytes: 1e6, seconds: 600 };
  const [first] = (JSON.parse(planned.stdout) as { actions: object[] }).actions;
  expect(first).toMatchObject({ lane: "gpu", resources });
  const graph = await workspace.aqm(["graph", "--json"]);
  const [target] = (JSON.parse(graph.stdout) as { targets: object[] }).targets;
  expect(target).toMatchObject({ gpu: true, resources });
  const refused = await aqm("build", "--json", "--python", FAKE_PYTHON, limit, "0.1");
  expect(refused.code).toBe(13);
  expect(refused.stdout).toContain('"reason":"over_budget"');
  expect(refused.stdout).not.toContain("action_started");
  expect(workspace.exists("gpu/1.txt")).toBe(false);
  const mistyped = await aqm("build", limit, "much");
  expect(mistyped.code).toBe(2);
  expect(mistyped.stderr).toContain("--max-gpu-hours takes a number of hours, not much");

  runners = await FakeRunners.listen(workspace);
  const running = workspace.start(
    ["build", "--python", FAKE_PYTHON, "--gpus", "0", limit, "0.2", "--reporter", "plain"],
    { env: { AQM_GPU_LEASES: workspace.path(".run") } },
  );
  const job = await runners.nextJob();
  for (const { id } of job.request.actions)
    job.finish(id, "made\n", { seconds: 40, gpu_seconds: 40 });
  job.idle();
  const built = await running.finished;
  expect(built.code).toBe(0);
  expect(built.stdout).toContain("2–8 min of GPU time expected");
  expect(built.stdout).toContain("predicted 2–8 min of GPU time, took 2 min 00 s");

  workspace.write("source.txt", "second\n");
  const after = await aqm("build", "--dry-run");
  expect(after.stdout).toContain("1.6–2.5 min of GPU time");
  expect(after.stdout).toContain("4 measured");
  workspace.edit("Aqmfile.ts", "numbers(3)", "numbers(4)");
  const more = await aqm("build", "--dry-run", "--json");
  expect((JSON.parse(more.stdout) as { cost: object }).cost).toMatchObject({
    basis: { own: 4, similar: 1, prior: 0 },
  });
});

it("of what a cluster takes is predicted for as many jobs at a time as there may be", async () => {
  const prior = PRIOR.slice(PRIOR.indexOf("expected"));
  workspace = runnerWorkspace({ gpu: 3, action: prior });
  const likely = async (...args: string[]): Promise<number> => {
    const { stdout } = await aqm("build", "--dry-run", "--json", ...args);
    return (JSON.parse(stdout) as { cost: { seconds: { likely: number } } }).cost.seconds.likely;
  };
  const [here, cluster] = [await likely(), await likely("--executor", "slurm")];
  // Three actions, one after another on one GPU, or at the same time.
  expect(here / cluster).toBeGreaterThan(2);
});

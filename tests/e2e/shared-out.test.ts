import { afterEach, expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { DriverTool } from "../rig/driver-tool.ts";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import type { Finished, TestWorkspace, UnderWay } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/* A job that shares its work out over devices: its runner sees the first, and is told of the others. */

let workspace: TestWorkspace;
let runners: FakeRunners;
let tool: DriverTool;

async function open(upToGpus = 8): Promise<void> {
  workspace = runnerWorkspace({
    gpu: 3,
    action: `batch: { apart: ["n"] },
    expected: { gpuSeconds: [1, 2], gpuMemoryBytes: [70e9, 140e9], because: "it is large" },`,
    resources: `upToGpus: ${upToGpus}`,
  });
  runners = await FakeRunners.listen(workspace);
  tool = new DriverTool(workspace.path(".driver"));
}

afterEach(() => {
  runners.close();
  workspace.remove();
});

const build = (...args: readonly string[]): UnderWay =>
  workspace.begin(["build", "--json", "--python", FAKE_PYTHON, ...args], {
    env: { AQM_GPU_LEASES: workspace.path(".run"), PATH: tool.path },
  });

const told = ({ stdout }: Finished, type: BuildEvent["type"]): readonly BuildEvent[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as BuildEvent)
    .filter((event) => event.type === type);

const devicesRecorded = (n: number): number | undefined =>
  (JSON.parse(workspace.read(`aqm.lock/gpu/${n}.txt.json`)) as ActionRecord).cost.scale?.gpus;

it("is one for all members of a group, on all devices that are free", async () => {
  await open();
  tool.show([{}, {}, {}]);
  const running = build("--gpus", "0,1,2");
  const job = await runners.nextJob();
  expect(job.devices).toBe("0");
  expect(job.request.replicas).toEqual(["1", "2"]);
  expect(job.request.actions).toHaveLength(3);
  job.succeed();
  const finished = await running.finished;
  expect(finished.code).toBe(0);
  expect(runners.untaken).toBe(0);
  expect(told(finished, "batch_started")).toMatchObject([{ devices: ["0", "1", "2"] }]);
  expect(told(finished, "devices_changed")).toEqual([]);
  expect([1, 2, 3].map(devicesRecorded)).toEqual([3, 3, 3]);
});

it("has no more devices than are of use to it, and a lone one none to be told of", async () => {
  await open(2);
  const two = build("--gpus", "0,1,2", "gpu/1.txt");
  const job = await runners.nextJob();
  expect([job.devices, job.request.replicas]).toEqual(["0", ["1"]]);
  job.succeed();
  expect((await two.finished).code).toBe(0);
  const one = build("--gpus", "2", "gpu/2.txt");
  const lone = await runners.nextJob();
  expect([lone.devices, lone.request.replicas]).toEqual(["2", undefined]);
  lone.succeed();
  expect((await one.finished).code).toBe(0);
});

it("does without a device that somebody uses, and is not waited for", async () => {
  await open();
  tool.show([{}, { by: [{ pid: process.pid, used: 100_000 }] }, {}]);
  const running = build("--gpus", "0,1,2");
  const job = await runners.nextJob();
  expect([job.devices, job.request.replicas]).toEqual(["0", ["2"]]);
  job.succeed();
  const finished = await running.finished;
  expect(finished.code).toBe(0);
  expect(told(finished, "devices_changed")).toMatchObject([
    {
      devices: ["0", "2"],
      message: expect.stringMatching(/^runs on GPU 0, 2 and not on GPU 1 \(process /) as string,
    },
  ]);
  expect(told(finished, "waiting_for_lock")).toEqual([]);
  expect(devicesRecorded(1)).toBe(2);
});

it("has the keys of one that does not", async () => {
  await open();
  const keys = async (): Promise<unknown> => {
    const { stdout } = await workspace.aqm(["build", "--dry-run", "--json", "--gpus", "0,1"]);
    const { actions } = JSON.parse(stdout) as { actions: { target: string; key: string }[] };
    return actions.map(({ target, key }) => [target, key]);
  };
  const before = await keys();
  workspace.edit("Aqmfile.ts", "upToGpus: 8", "");
  expect(await keys()).toEqual(before);
});

import { execPath } from "node:process";
import { basename } from "node:path";
import { userInfo } from "node:os";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Driver } from "../../src/host/gpu/driver.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import { DriverTool } from "../rig/driver-tool.ts";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import type { TestWorkspace, UnderWay } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/* Other people's processes on a GPU: the driver's tool shows them, and a build takes care of them. */

let workspace: TestWorkspace;
let runners: FakeRunners;
let tool: DriverTool;

/** A job that is expected to need 70 to 140 GB of device memory; nobody has measured it. */
const NEEDS_70_GB =
  'expected: { gpuSeconds: [1, 2], gpuMemoryBytes: [70e9, 140e9], because: "it is large" },';
/** This process is as foreign to a build in its workspace as any. */
const SOMEBODY = process.pid;
const NAMED = `process ${SOMEBODY} \\(${basename(execPath)}.* of ${userInfo().username}\\), which holds `;

async function open(options: { gpu: number; action?: string }): Promise<void> {
  workspace = runnerWorkspace(options);
  runners = await FakeRunners.listen(workspace);
  tool = new DriverTool(workspace.path(".driver"));
}

function build(...args: readonly string[]): UnderWay {
  return workspace.begin(["build", "--json", "--python", FAKE_PYTHON, ...args], {
    env: { AQM_GPU_LEASES: workspace.path(".run"), PATH: tool.path },
  });
}

const eventsIn = (stdout: string): readonly BuildEvent[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as BuildEvent);

const told = (stdout: string, type: BuildEvent["type"]): readonly BuildEvent[] =>
  eventsIn(stdout).filter((event) => event.type === type);

afterEach(() => {
  runners.close();
  workspace.remove();
});

describe("a device that somebody uses", () => {
  it("is left to them where another one is free, and the build says why", async () => {
    await open({ gpu: 1 });
    tool.show([{ by: [{ pid: SOMEBODY, used: 61_958 }] }, {}]);
    const running = build("--gpus", "0,1");
    const job = await runners.nextJob();
    expect(job.devices).toBe("1");
    job.succeed();
    const { code, stdout } = await running.finished;
    expect(code).toBe(0);
    const [changed] = told(stdout, "devices_changed");
    expect(changed).toMatchObject({ target: "gpu/1.txt", devices: ["1"] });
    expect(changed).toHaveProperty(
      "message",
      expect.stringMatching(new RegExp(`^runs on GPU 1 instead of GPU 0 \\(${NAMED}65.0 GB\\)$`)),
    );
  });

  it("is shared where nobody knows what the job needs and all are in use, with one word about it", async () => {
    await open({ gpu: 2 });
    tool.show([{ by: [{ pid: SOMEBODY, used: 300 }] }]);
    const running = build("--gpus", "0");
    for (let job = 0; job < 2; job++) (await runners.nextJob()).succeed();
    const { code, stdout } = await running.finished;
    expect(code).toBe(0);
    const warnings = told(stdout, "action_warning");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toHaveProperty("message", expect.stringMatching(new RegExp(NAMED)));
  });

  it("is waited for while the job would not fit, and the build says for whom", async () => {
    await open({ gpu: 1, action: NEEDS_70_GB });
    tool.show([{ by: [{ pid: SOMEBODY, used: 100_000 }] }]);
    const running = build("--gpus", "0");
    const waiting = await running.event(({ type }) => type === "waiting_for_lock");
    expect(waiting).toMatchObject({ path: "GPU 0" });
    expect(waiting).toHaveProperty(
      "owner",
      expect.stringMatching(
        new RegExp(`^${NAMED}104.9 GB; 45.2 GB are free, about 71.0 GB are needed `),
      ),
    );
    expect(runners.untaken).toBe(0);
    tool.show([{ by: [{ pid: SOMEBODY, used: 10_000 }] }]);
    (await runners.nextJob()).succeed();
    const { code, stdout } = await running.finished;
    expect(code).toBe(0);
    expect(told(stdout, "waiting_for_lock")).toHaveLength(1);
  });

  it("is shared by a user who does not want to wait", async () => {
    await open({ gpu: 1, action: NEEDS_70_GB });
    tool.show([{ by: [{ pid: SOMEBODY, used: 100_000 }] }]);
    const running = workspace.begin(["build", "--json", "--python", FAKE_PYTHON, "--gpus", "0"], {
      env: { AQM_GPU_LEASES: workspace.path(".run"), PATH: tool.path, AQM_SHARE_GPUS: "1" },
    });
    (await runners.nextJob()).succeed();
    const { code, stdout } = await running.finished;
    expect(code).toBe(0);
    expect(told(stdout, "action_warning")).toHaveLength(1);
  });

  it("is not waited for by a desktop's measure, nor where the job would not fit on the empty device", async () => {
    await open({ gpu: 2, action: NEEDS_70_GB });
    tool.show([{ room: 67_800, by: [{ pid: SOMEBODY, used: 300 }] }]);
    const desktop = build("--gpus", "0", "gpu/1.txt");
    (await runners.nextJob()).succeed();
    expect((await desktop.finished).code).toBe(0);
    tool.show([{ room: 24_000, by: [{ pid: SOMEBODY, used: 20_000 }] }]);
    const small = build("--gpus", "0", "gpu/2.txt");
    (await runners.nextJob()).succeed();
    expect((await small.finished).code).toBe(0);
  });

  it("can still be waited for when the build is stopped", async () => {
    await open({ gpu: 1, action: NEEDS_70_GB });
    tool.show([{ by: [{ pid: SOMEBODY, used: 100_000 }] }]);
    const running = workspace.start(
      ["build", "--json", "--python", FAKE_PYTHON, "--gpus", "0", "gpu/1.txt"],
      { env: { AQM_GPU_LEASES: workspace.path(".run"), PATH: tool.path } },
    );
    await running.event(({ type }) => type === "waiting_for_lock");
    running.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
    expect(runners.untaken).toBe(0);
  });
});

describe("the mode of a device", () => {
  it("is obeyed: one that is Prohibited is never used", async () => {
    await open({ gpu: 1 });
    tool.show([{ mode: "Prohibited" }, {}]);
    const running = build("--gpus", "0,1");
    const job = await runners.nextJob();
    expect(job.devices).toBe("1");
    job.succeed();
    expect((await running.finished).code).toBe(0);
  });

  it("fails the action where all are Prohibited", async () => {
    await open({ gpu: 1 });
    tool.show([{ mode: "Prohibited" }]);
    const { code, stdout } = await build("--gpus", "0", "gpu/1.txt").finished;
    expect(code).toBe(1);
    expect(told(stdout, "action_failed")[0]).toMatchObject({
      failure: {
        reason: "unsupported_here",
        message: "The compute mode of GPU 0 is Prohibited, so that no process may use it",
      },
    });
  });

  it("lets one process in at a time, and the build waits for it", async () => {
    await open({ gpu: 1 });
    tool.show([{ mode: "Exclusive_Process", by: [{ pid: SOMEBODY, used: 300 }] }]);
    const running = build("--gpus", "0");
    await running.event(({ type }) => type === "waiting_for_lock");
    tool.show([{ mode: "Exclusive_Process" }]);
    (await runners.nextJob()).succeed();
    expect((await running.finished).code).toBe(0);
  });
});

it("a name that is no device's is refused before anything is looked at", async () => {
  await open({ gpu: 1 });
  const { code, stderr } = await build("--gpus", "all").finished;
  expect(code).toBe(2);
  expect(stderr).toContain("all names no GPU of this machine");
  expect(stderr).toContain("--gpus 0,1");
});

describe("the driver's tool", () => {
  it("is asked once for a job, and not at all by a build that needs no device", async () => {
    await open({ gpu: 1 });
    tool.show([{}]);
    const first = build("--gpus", "0");
    (await runners.nextJob()).succeed();
    expect((await first.finished).code).toBe(0);
    expect(tool.asked).toHaveLength(2); // the devices, and their processes
    expect((await build("--gpus", "0").finished).code).toBe(0);
    await workspace.aqm(["build", "--dry-run", "--gpus", "0"], { env: { PATH: tool.path } });
    expect(tool.asked).toHaveLength(2);
  });

  it("shows a runner that is kept for the next job, which is no stranger", async () => {
    await open({ gpu: 2, action: NEEDS_70_GB });
    tool.show([{}]);
    const running = build("--gpus", "0");
    const first = await runners.nextJob();
    tool.show([{ mode: "Exclusive_Process", by: [{ pid: first.pid, used: 100_000 }] }]);
    first.succeed();
    const second = await runners.nextJob();
    expect(second.pid).toBe(first.pid);
    second.succeed();
    const { code, stdout } = await running.finished;
    expect(code).toBe(0);
    for (const type of ["waiting_for_lock", "action_warning", "devices_changed"] as const)
      expect(told(stdout, type)).toEqual([]);
  });

  it("that does not answer is not waited for, and not asked again", async () => {
    await open({ gpu: 0 });
    const quiet = new AbortController().signal;
    tool.become("trap '' TERM INT HUP; while :; do sleep 1; done");
    const path = process.env["PATH"];
    process.env["PATH"] = tool.path;
    try {
      const hung = new Driver(50);
      expect(await hung.look(quiet)).toBeNull();
      expect(hung.isSilent).toBe(true);
      tool = new DriverTool(workspace.path(".driver"));
      tool.show([{}]);
      expect(await hung.look(quiet)).toBeNull();
      expect(await new Driver().look(quiet)).toHaveLength(1);
    } finally {
      process.env["PATH"] = path;
    }
  });

  it("that does not answer keeps nobody from stopping a build", async () => {
    await open({ gpu: 1 });
    tool.become(
      `touch '${workspace.path("asked")}'; trap '' TERM INT HUP; while :; do sleep 1; done`,
    );
    const stop = new AbortController();
    const path = process.env["PATH"];
    process.env["PATH"] = tool.path;
    try {
      const driver = new Driver(1e9);
      const looking = driver.look(stop.signal);
      await vi.waitUntil(() => workspace.exists("asked"));
      stop.abort();
      expect(await looking).toBeNull();
      expect(driver.isSilent).toBe(false);
    } finally {
      process.env["PATH"] = path;
    }
  });

  it.each([
    ["prints something else", "echo 'Driver/library version mismatch'"],
    ["fails", "echo 'Failed to initialize NVML' >&2; exit 9"],
    ["fails after it printed something", "cat .driver/devices .driver/processes; exit 9"],
  ])("is not needed: one that %s tells nothing", async (_what, script) => {
    await open({ gpu: 1, action: NEEDS_70_GB });
    tool.show([{ by: [{ pid: SOMEBODY, used: 100_000 }] }]);
    tool.become(script);
    const running = build("--gpus", "0");
    (await runners.nextJob()).succeed();
    expect((await running.finished).code).toBe(0);
  });
});

import * as fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import type { Running, TestWorkspace, UnderWay } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";

let workspace: TestWorkspace;
let runners: FakeRunners;

async function start(
  options: { cpu?: number; gpu?: number },
  ...args: string[]
): Promise<UnderWay> {
  await open(options);
  return build(...args);
}
async function open(options: { cpu?: number; gpu?: number }): Promise<void> {
  workspace = runnerWorkspace(options);
  runners = await FakeRunners.listen(workspace);
}
const BUILD = ["build", "--json", "--python", FAKE_PYTHON];
const leases = () => ({ env: { AQM_GPU_LEASES: workspace.path(".run") } });
const build = (...args: string[]): UnderWay => workspace.begin([...BUILD, ...args], leases());
/** In a process of its own, which can be killed. */
const doomed = (): Running => workspace.start(BUILD, leases());
const failed = (event: BuildEvent): boolean => event.type === "action_failed";

afterEach(() => {
  runners.close();
  workspace.remove();
});

describe("one job", () => {
  it("gets absolute paths and parameters, and its progress is passed on", async () => {
    const running = await start({ cpu: 1 });
    const job = await runners.nextJob();
    expect(job.request).toMatchObject({
      protocol: 1,
      device: "cpu",
      workspace: workspace.root,
      actions: [{ id: "cpu/1.txt", op: "work", version: 1, params: { n: 1 } }],
    });
    job.send({ type: "phase", name: "score", total: 2 });
    job.send({ type: "step", done: 1 });
    job.send({ type: "warning", code: "odd", message: "an odd thing" });
    await running.event((event) => event.type === "action_warning");
    job.succeed("content\n");
    const { stdout, code } = await running.finished;
    expect(code).toBe(0);
    expect(stdout).toContain(
      '"type":"action_phase","target":"cpu/1.txt","batch":null,"name":"score","total":2',
    );
    expect(stdout).toContain('"type":"action_step","target":"cpu/1.txt","batch":null,"done":1');
    expect(workspace.read("sum.txt")).toBe("content\n");
    expect(JSON.parse(workspace.read("aqm.lock/cpu/1.txt.json"))).toMatchObject({
      target: "cpu/1.txt",
      cost: { seconds: 1.5, peak_memory_bytes: 1000, peak_gpu_memory_bytes: null },
      tools: { fake: "1" },
    });
  });

  it("keeps the process for the next job after a clean success", async () => {
    const running = await start({ cpu: 2 }, "--jobs", "1");
    const first = await runners.nextJob();
    first.succeed();
    const second = await runners.nextJob();
    expect(second.pid).toBe(first.pid);
    second.succeed();
    expect((await running.finished).code).toBe(0);
  });

  it.runIf(WIDE)("drops the process after an error", async () => {
    const running = await start({ cpu: 2 }, "--jobs", "1", "--keep-going");
    const first = await runners.nextJob();
    first.fail({ class: "bug", reason: "value_error", message: "a bug" });
    first.exit(5);
    const second = await runners.nextJob();
    expect(second.pid).not.toBe(first.pid);
    second.succeed();
    expect((await running.finished).code).toBe(1);
  });
});

describe("a failing job", () => {
  const failure = async (running: UnderWay): Promise<unknown> => {
    const event = await running.event(failed);
    return event.type === "action_failed" ? event.failure : null;
  };

  it("is reported with its class, message and log", async () => {
    const running = await start({ cpu: 1 });
    const job = await runners.nextJob();
    job.fail({ class: "unsupported_here", reason: "format_needs_cuda", message: "needs CUDA" });
    job.exit(5);
    expect(await failure(running)).toMatchObject({
      reason: "unsupported_here",
      message: "needs CUDA",
      cause: "format_needs_cuda",
      log: ".aqm/logs/cpu~1.txt.log",
    });
    expect((await running.finished).code).toBe(1);
    expect(workspace.exists("aqm.lock")).toBe(false);
  });

  it.runIf(WIDE)("that trips a gate leaves what it wrote aside for inspection", async () => {
    const running = await start({ cpu: 1 });
    const job = await runners.nextJob();
    fs.writeFileSync(job.request.actions[0]?.outputs["text"]?.path ?? "", "NaN\n");
    job.fail({ class: "gate_failed", reason: "non_finite_score", message: "a score is NaN" });
    job.exit(3);
    expect(await failure(running)).toMatchObject({ reason: "gate_failed" });
    await running.finished;
    expect(workspace.read(".aqm/failed/cpu~1.txt")).toBe("NaN\n");
    expect(workspace.exists("cpu/1.txt")).toBe(false);
  });

  it.runIf(WIDE)("that dies without a word is told apart, and killed ones say so", async () => {
    const running = await start({ cpu: 2 }, "--jobs", "1", "--keep-going");
    (await runners.nextJob()).exit(7);
    expect(await failure(running)).toMatchObject({
      reason: "runner_died",
      message: "The Python process ended unexpectedly with code 7",
    });
    process.kill((await runners.nextJob()).pid, "SIGKILL");
    const second = await running.event(
      (event) => failed(event) && "target" in event && event.target === "cpu/2.txt",
    );
    expect(second).toMatchObject({
      failure: { message: "The Python process was ended by SIGKILL" },
    });
    expect((await running.finished).code).toBe(1);
  });

  it.each(
    sample(
      [
        ["a line that is not JSON", "Segmentation fault"],
        ["an event that the schema does not allow", '{"seq":1,"time":0,"type":"step"}'],
        ["a gap in the sequence", '{"seq":9,"time":0,"type":"heartbeat"}'],
      ],
      1,
    ),
  )("that sends %s breaks the protocol and is ended", async (_what, line) => {
    const running = await start({ cpu: 1 });
    (await runners.nextJob()).sendRaw(line);
    expect(await failure(running)).toMatchObject({ reason: "runner_protocol" });
    expect((await running.finished).code).toBe(1);
  });

  it.runIf(WIDE)(
    "does not stop independent work with --keep-going, and stops new work without",
    async () => {
      const going = await start({ cpu: 3 }, "--jobs", "1", "--keep-going");
      (await runners.nextJob()).exit(7);
      (await runners.nextJob()).succeed();
      (await runners.nextJob()).succeed();
      expect((await going.finished).stdout).toContain(
        '"ran":2,"restored":0,"shared":0,"fresh":0,"failed":1,"blocked":1',
      );
      // Without it: the one that failed is tried, and nothing else.
      const stopping = build("--jobs", "1");
      (await runners.nextJob()).exit(7);
      expect((await stopping.finished).stdout).toContain('"failed":1');
    },
  );

  it.runIf(WIDE)("that lost its device is tried once more, in a new process", async () => {
    const running = await start({ cpu: 1 });
    const first = await runners.nextJob();
    first.fail({ class: "device_lost", reason: "cuda_error", message: "the device fell off" });
    first.exit(5);
    const second = await runners.nextJob();
    expect(second.pid).not.toBe(first.pid);
    second.succeed();
    const { stdout, code } = await running.finished;
    expect(code).toBe(0);
    expect(stdout).toContain("the device fell off; trying once more");
  });

  it.runIf(WIDE)("whose input changed meanwhile is not recorded", async () => {
    const running = await start({ cpu: 1 });
    const job = await runners.nextJob();
    workspace.write("source.txt", "something else\n");
    job.succeed();
    expect(await failure(running)).toMatchObject({
      reason: "input_changed",
      place: { file: "source.txt" },
    });
    await running.finished;
    expect(workspace.exists("aqm.lock")).toBe(false);
    expect(workspace.exists("cpu/1.txt")).toBe(false);
  });

  it.each(
    sample(
      [
        ["its declaration", "python/aqm_runner/ops/work.json", '"version":1', '"version":2'],
        ["the package around it", "python/aqm_runner/ops/__init__.py", "", '"""Ops."""\n'],
      ],
      1,
    ),
  )(
    "is stale after an edit of %s alone, also where the last build was fresh",
    async (_, ...edit) => {
      const running = await start({ cpu: 1 });
      (await runners.nextJob()).succeed();
      expect((await running.finished).code).toBe(0);
      const look = async (): Promise<string> =>
        (await workspace.aqm(["build", "--dry-run", "--python", FAKE_PYTHON])).stdout;
      // The second of two looks that find everything fresh answers from stats alone.
      for (let times = 0; times < 2; times++) expect(await look()).toContain("0 to run, 2 fresh");
      workspace.edit(...edit);
      expect(await look()).toMatch(/1 to run/);
    },
  );
});

describe("lanes", () => {
  it("gives every GPU job a device of its own", async () => {
    const running = await start({ gpu: 3 }, "--gpus", "0,1");
    const first = await runners.nextJob();
    const second = await runners.nextJob();
    expect([first.devices, second.devices].sort()).toEqual(["0", "1"]);
    expect(first.request.device).toBe("cuda");
    expect(runners.untaken).toBe(0);
    second.succeed();
    const third = await runners.nextJob();
    expect(third.devices).toBe(second.devices);
    first.succeed();
    third.succeed();
    expect((await running.finished).code).toBe(0);
  });

  it.runIf(WIDE)("blocks GPU work with a reason where there is no GPU", async () => {
    const running = await start({ gpu: 1, cpu: 1 });
    const job = await runners.nextJob();
    expect(job.target).toBe("cpu/1.txt");
    job.succeed();
    const { stdout, code } = await running.finished;
    expect(code).toBe(1);
    expect(stdout).toContain("it needs a GPU and this machine shows none");
    const check = await workspace.aqm(["build", "--dry-run", "--check"]);
    expect(check.code).toBe(11);
  });

  it.runIf(WIDE)("runs as many CPU jobs as --jobs says", async () => {
    const running = await start({ cpu: 3 }, "--jobs", "2");
    const jobs = [await runners.nextJob(), await runners.nextJob()];
    expect(runners.untaken).toBe(0);
    jobs[0]?.succeed();
    const last = await runners.nextJob();
    jobs[1]?.succeed();
    last.succeed();
    expect((await running.finished).code).toBe(0);
  });
});

/* signals.test.ts has the orderly ends. */
describe("being stopped", () => {
  it.runIf(WIDE)(
    "by a second Ctrl-C does not wait for a runner that ignores the first",
    async () => {
      await open({ cpu: 1 });
      const running = doomed();
      const job = await runners.nextJob();
      running.kill("SIGINT");
      await job.signal();
      running.kill("SIGINT");
      expect((await running.finished).code).toBe(130);
    },
  );

  it("by kill -9 of aqm: the runner ends, the next build takes the lock over and is right", async () => {
    await open({ cpu: 1 });
    const running = doomed();
    await runners.nextJob();
    running.kill("SIGKILL");
    expect((await running.finished).signal).toBe("SIGKILL");
    expect(workspace.exists("aqm.lock")).toBe(false);
    const again = build();
    (await runners.nextJob()).succeed("right\n");
    expect((await again.finished).code).toBe(0);
    expect(workspace.read("sum.txt")).toBe("right\n");
    expect(workspace.exists(".aqm/stage")).toBe(false);
  });
});

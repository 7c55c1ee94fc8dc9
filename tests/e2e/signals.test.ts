import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FAKE_PYTHON, FakeRunners, type FakeJob } from "../rig/fake-runners.ts";
import { ended, isGone } from "../rig/processes.ts";
import type { Finished, Running, TestWorkspace } from "../rig/workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/* Ways in which a build is stopped from outside. What is left behind must always be the same: nothing. */
let workspace: TestWorkspace;
let runners: FakeRunners;
const workers: number[] = [];

beforeEach(async () => {
  workspace = runnerWorkspace({ cpu: 1 });
  runners = await FakeRunners.listen(workspace);
});
afterEach(() => {
  runners.close();
  for (const pid of workers.splice(0)) if (!isGone(pid)) process.kill(pid, "SIGKILL");
  workspace.remove();
});

const build = (...args: readonly string[]): Running =>
  workspace.start(["build", "--python", FAKE_PYTHON, ...args]);

/** A build whose runner has begun its job and has a worker of its own that obeys nobody. */
async function underWay(
  ...args: readonly string[]
): Promise<{ running: Running; job: FakeJob; worker: number }> {
  workspace.write(".fake-worker", "");
  const running = build(...args);
  const job = await runners.nextJob();
  const worker = Number(workspace.read(".fake-worker"));
  workers.push(worker);
  return { running, job, worker };
}

async function expectWhole({ stderr }: Finished, ...pids: readonly number[]): Promise<void> {
  expect(stderr).toBe("");
  await Promise.all(pids.map(ended)); // a worker obeys nobody: it ends if it is killed
  for (const path of [".aqm/stage", ".aqm/build.lock", "aqm.lock", "cpu/1.txt"]) {
    expect([path, workspace.exists(path)]).toEqual([path, false]);
  }
  const again = build();
  (await runners.nextJob()).succeed("right\n");
  expect((await again.finished).code).toBe(0);
  expect(workspace.read("sum.txt")).toBe("right\n");
}

describe("a signal", () => {
  it.each(
    sample([
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const),
  )("%s ends the runner and what it started, with exit code %d", async (signal, code) => {
    const { running, job, worker } = await underWay();
    running.kill(signal);
    expect(await job.signal()).toBe("SIGINT");
    job.exit(130);
    const finished = await running.finished;
    expect(finished.code).toBe(code);
    await expectWhole(finished, job.pid, worker);
  });
});

describe("a reader that goes away", () => {
  it.runIf(WIDE).each([["plain"], ["json"]])(
    "stops a build that reports in %s",
    async (reporter) => {
      const { running, job, worker } = await underWay("--reporter", reporter);
      running.closePipe("stdout");
      job.send({ type: "warning", code: "odd", message: "something to print" });
      expect(await job.signal()).toBe("SIGINT");
      job.exit(130);
      const finished = await running.finished;
      expect(finished.code).toBe(141);
      await expectWhole(finished, job.pid, worker);
    },
  );

  it("of standard error changes nothing else", async () => {
    const running = build("nothing.txt");
    running.closePipe("stderr");
    expect((await running.finished).code).toBe(2);
  });
});

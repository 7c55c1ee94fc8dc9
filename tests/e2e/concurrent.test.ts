import * as fs from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FAKE_PYTHON, FakeRunners, type FakeJob } from "../rig/fake-runners.ts";
import { WIDE } from "../rig/wide.ts";
import type { Finished, Running, TestWorkspace } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/* P9: three builds of overlapping targets at once, in one workspace. */
const ACTIONS = ["cpu/1.txt", "cpu/2.txt", "cpu/3.txt"];

let workspace: TestWorkspace;
let runners: FakeRunners;

beforeEach(async () => {
  workspace = runnerWorkspace({ cpu: 3 });
  runners = await FakeRunners.listen(workspace);
});
afterEach(() => {
  runners.close();
  workspace.remove();
});

const build = (...targets: readonly string[]): Running =>
  workspace.start(["build", "--json", "--python", FAKE_PYTHON, "--jobs", "1", ...targets]);

/** Whom a build says that it waits for, the n-th time that it says so. */
async function waitsFor(running: Running, time = 0): Promise<string> {
  let count = 0;
  const event = await running.event(({ type }) => type === "waiting_for_lock" && count++ === time);
  return event.type === "waiting_for_lock" ? event.owner : "";
}

/** Lets every job succeed until all builds have ended; says which actions ran. */
async function serve(...running: readonly Running[]): Promise<readonly string[]> {
  const ran: string[] = [];
  const all = Promise.all(running.map(({ finished }) => finished));
  const work = (job: FakeJob): Promise<void> => {
    ran.push(job.target);
    job.succeed(`${job.target}\n`);
    return runners.nextJob().then(work);
  };
  void runners.nextJob().then(work);
  const ended: readonly Finished[] = await all;
  expect(ended.map(({ code }) => code)).toEqual(running.map(() => 0));
  expect(workspace.read("sum.txt")).toBe(ACTIONS.map((target) => `${target}\n`).join(""));
  return ran.sort();
}

it.runIf(WIDE)("each action runs once, and who waits says for whom", async () => {
  const first = build("cpu/1.txt", "cpu/2.txt");
  const job = await runners.nextJob();
  const others = [build("sum.txt"), build("cpu/2.txt", "cpu/3.txt")];
  for (const other of others) {
    expect(await waitsFor(other)).toBe(`process ${first.pid}, which builds cpu/1.txt cpu/2.txt`);
  }
  expect(runners.untaken).toBe(0);
  job.succeed(`${job.target}\n`);
  expect([job.target, ...(await serve(first, ...others))].sort()).toEqual(ACTIONS);
});

it("when the owner is killed exactly one of those that wait takes over", async () => {
  const first = build("cpu/1.txt");
  await runners.nextJob();
  const others = [build("sum.txt"), build("cpu/2.txt", "sum.txt")];
  for (const other of others) expect(await waitsFor(other)).toContain(`process ${first.pid},`);
  first.kill("SIGKILL");
  const job = await runners.nextJob();
  // One has begun; the other one now waits for it.
  const told = await Promise.race(others.map((other) => waitsFor(other, 1)));
  const winner = others.find(({ pid }) => told.startsWith(`process ${pid},`));
  expect(winner).toBeDefined();
  expect(runners.untaken).toBe(0);
  job.succeed(`${job.target}\n`);
  expect([job.target, ...(await serve(...others))].sort()).toEqual(ACTIONS);
});

it.runIf(WIDE)(
  "a lock of another host is waited for, until somebody who knows deletes it",
  async () => {
    const path = workspace.path(".aqm/build.lock");
    const owner = { host: "elsewhere", pid: 7, started: "1", purpose: "x", token: "t" };
    workspace.write(".aqm/build.lock", JSON.stringify(owner));
    const running = build("sum.txt");
    expect(await waitsFor(running)).toBe(
      `process 7 on elsewhere, which builds x (if it is dead, delete ${path})`,
    );
    fs.rmSync(path);
    expect(await serve(running)).toEqual(ACTIONS);
  },
);

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FAKE_PYTHON, FakeRunners, type FakeJob } from "../rig/fake-runners.ts";
import { isGone } from "../rig/processes.ts";
import type { Running, TestWorkspace } from "../rig/workspace.ts";
import { WIDE } from "../rig/wide.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/*
 * P10 between real processes: two workspaces, one device. Each runner has, from its first job to its
 * end, something that only one process can have, so two on the device at once are found out by the
 * kernel and not by comparing times.
 */
const ROUNDS = process.env["AQM_SOAK"] === "1" ? 40 : 1;

interface Side {
  readonly workspace: TestWorkspace;
  readonly runners: FakeRunners;
}

let device: string;
let sides: Side[] = [];
let seen: FakeJob[] = [];

beforeEach(() => (device = `MIG-test-${randomBytes(6).toString("hex")}`));
afterEach(() => {
  for (const { workspace, runners } of sides) {
    runners.close();
    workspace.remove();
  }
  for (const { pid } of seen) tryKill(pid);
  [sides, seen] = [[], []];
});

async function side(actions: { cpu?: number; gpu?: number }): Promise<Side> {
  const workspace = runnerWorkspace(actions);
  workspace.write(".fake-device", device);
  const made = { workspace, runners: await FakeRunners.listen(workspace) };
  sides.push(made);
  return made;
}

/** Each in a session of its own kind: what leases lie in must not depend on it. */
function build({ workspace }: Side, ...args: readonly string[]): Running {
  const elsewhere = workspace.path(".session");
  fs.mkdirSync(elsewhere, { recursive: true });
  return workspace.start(["build", "--json", "--python", FAKE_PYTHON, ...args], {
    env: { CUDA_VISIBLE_DEVICES: device, XDG_RUNTIME_DIR: elsewhere, TMPDIR: elsewhere },
  });
}

async function next({ runners }: Side): Promise<FakeJob> {
  const job = await runners.nextJob();
  seen.push(job);
  if (job.devices !== "") expect(job.alone).toBe(true);
  return job;
}

const code = async (running: Running): Promise<number | null> => (await running.finished).code;

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ended, as it should
  }
}

it.runIf(WIDE)("never overlap, round after round, whoever comes first", async () => {
  const [one, two] = [await side({ gpu: 2 }), await side({ gpu: 2 })];
  for (let round = 0; round < ROUNDS; round++) {
    const running = [one, two].map(async (each) => {
      each.workspace.write("source.txt", `round ${round}\n`);
      const started = build(each);
      for (let job = 0; job < 2; job++) (await next(each)).succeed(`${round} ${job}\n`);
      expect(await code(started)).toBe(0);
    });
    await Promise.all(running);
  }
  expect(seen).toHaveLength(ROUNDS * 4);
});

it("are not free while the runner of a killed aqm still works; it is ended", async () => {
  const [one, two] = [await side({ gpu: 1 }), await side({ gpu: 1 })];
  one.workspace.write(".fake-deaf", "");
  const first = build(one);
  const orphan = await next(one);
  const second = build(two);
  const waiting = await second.event(({ type }) => type === "waiting_for_lock");
  expect(waiting).toMatchObject({
    path: `GPU ${device}`,
    owner: `process ${first.pid}, which builds gpu/1.txt`,
  });
  first.kill("SIGKILL");
  await first.finished;
  (await next(two)).succeed();
  expect(await code(second)).toBe(0);
  expect(isGone(orphan.pid)).toBe(true);
});

it.runIf(WIDE)(
  "pass on while a build goes on with other work: its idle runner leaves the device",
  async () => {
    const [one, two] = [await side({ gpu: 1, cpu: 1 }), await side({ gpu: 1 })];
    const first = build(one);
    const jobs = [await next(one), await next(one)];
    jobs.find(({ devices }) => devices !== "")?.succeed();
    await first.event((event) => event.type === "action_settled" && event.verdict === "ran");
    const second = build(two);
    (await next(two)).succeed();
    expect(await code(second)).toBe(0);
    jobs.find(({ devices }) => devices === "")?.succeed();
    expect(await code(first)).toBe(0);
  },
);

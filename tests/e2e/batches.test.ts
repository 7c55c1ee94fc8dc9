import * as fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { FAKE_PYTHON, FakeRunners, type FakeJob } from "../rig/fake-runners.ts";
import type { Finished, TestWorkspace, UnderWay } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";
import { WIDE } from "../rig/wide.ts";

/* Several actions in one process: each keeps its own key, events, publication, record and failure. */

let workspace: TestWorkspace;
let runners: FakeRunners;

const TOGETHER = 'batch: { apart: ["n"] },';

async function start(
  options: { cpu?: number; gpu?: number; action?: string },
  ...args: string[]
): Promise<UnderWay> {
  await open(options);
  return build(...args);
}
async function open(options: { cpu?: number; gpu?: number; action?: string }): Promise<void> {
  workspace = runnerWorkspace({ action: TOGETHER, ...options });
  runners = await FakeRunners.listen(workspace);
}
const BUILD = ["build", "--json", "--python", FAKE_PYTHON];
const leases = () => ({ env: { AQM_GPU_LEASES: workspace.path(".run") } });
const build = (...args: string[]): UnderWay => workspace.begin([...BUILD, ...args], leases());
const ids = ({ request }: FakeJob): readonly string[] => request.actions.map(({ id }) => id);
const names = (lane: string, ...numbers: number[]): string[] =>
  numbers.map((n) => `${lane}/${n}.txt`);
const record = (target: string): ActionRecord =>
  JSON.parse(workspace.read(`aqm.lock/${target}.json`)) as ActionRecord;
const ranOnce = ({ stdout }: Finished, target: string): boolean =>
  stdout.split(`"type":"action_settled","target":"${target}","verdict":"ran"`).length === 2;
const settled = (target: string) => (event: BuildEvent) =>
  event.type === "action_settled" && event.target === target;
const failureOf = async (running: UnderWay, target: string): Promise<object> => {
  const event = await running.event((e) => e.type === "action_failed" && e.target === target);
  return event.type === "action_failed" ? event.failure : {};
};

afterEach(() => {
  runners.close();
  workspace.remove();
});

describe("actions of one group", () => {
  it("come in one request; each is published as soon as it is done", async () => {
    const running = await start({ cpu: 3 }, "--jobs", "1");
    const job = await runners.nextJob();
    expect(ids(job)).toEqual(names("cpu", 1, 2, 3));
    expect(job.request.actions.map(({ params }) => params)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    job.finish("cpu/2.txt", "two\n");
    await running.event(settled("cpu/2.txt"));
    expect(workspace.read("cpu/2.txt")).toBe("two\n");
    expect(record("cpu/2.txt").cost.scale).toEqual({ together: 3, gpus: 0, input_bytes: 7 });
    expect(workspace.exists("cpu/1.txt")).toBe(false);
    job.finish("cpu/1.txt", "one\n");
    job.finish("cpu/3.txt", "three\n");
    job.idle();
    const finished = await running.finished;
    expect(finished.code).toBe(0);
    for (const id of names("cpu", 1, 2, 3)) expect(ranOnce(finished, id)).toBe(true);
    expect(workspace.read("sum.txt")).toBe("one\ntwo\nthree\n");
    expect(record("cpu/1.txt").key).not.toBe(record("cpu/2.txt").key);
    expect((await build().finished).stdout).toContain('"ran":0,"restored":0,"shared":0,"fresh":4');
  });

  it.runIf(WIDE)("have the keys that they have alone", async () => {
    const together = await start({ cpu: 2 }, "--jobs", "1");
    (await runners.nextJob()).succeed();
    await together.finished;
    const keys = names("cpu", 1, 2).map((id) => record(id).key);
    workspace.edit("Aqmfile.ts", TOGETHER, "");
    const alone = await build().finished;
    expect(alone.stdout).toContain('"ran":0,"restored":0,"shared":0,"fresh":3');
    expect(names("cpu", 1, 2).map((id) => record(id).key)).toEqual(keys);
  });

  it.runIf(WIDE)("are only those that are stale", async () => {
    const first = await start({ cpu: 3 }, "--jobs", "1");
    (await runners.nextJob()).succeed();
    await first.finished;
    fs.rmSync(workspace.path("cpu/2.txt"));
    fs.rmSync(workspace.path("cpu/3.txt"));
    fs.rmSync(workspace.path(".aqm"), { recursive: true });
    const second = build("--jobs", "1");
    const job = await runners.nextJob();
    expect(ids(job)).toEqual(names("cpu", 2, 3));
    job.succeed();
    expect((await second.finished).code).toBe(0);
  });

  it.runIf(WIDE)("show what concerns the whole job once, and the rest at the action", async () => {
    const running = await start({ cpu: 2 }, "--jobs", "1");
    const job = await runners.nextJob();
    job.send({ type: "phase", action: null, name: "calibrate", total: 4 });
    job.send({ type: "step", action: null, done: 2 });
    job.send({ type: "warning", action: null, code: "odd", message: "all of it is odd" });
    job.send({ type: "phase", action: "cpu/2.txt", name: "write", total: null });
    await running.event((event) => event.type === "action_phase" && event.name === "write");
    job.succeed();
    const { stdout } = await running.finished;
    const about = '"target":null,"batch":"cpu/1.txt"';
    expect(stdout).toContain(`"type":"batch_started","batch":"cpu/1.txt","targets":["cpu/1.txt"`);
    expect(stdout).toContain(`"type":"action_phase",${about},"name":"calibrate","total":4`);
    expect(stdout).toContain(`"type":"action_step",${about},"done":2`);
    expect(stdout).toContain(`"type":"action_warning",${about},"code":"odd"`);
    expect(stdout).toContain('"target":"cpu/2.txt","batch":"cpu/1.txt","name":"write"');
  });

  it.runIf(WIDE)(
    "are spread over the devices, and their processes are kept for the next job",
    async () => {
      const action = 'batch: { apart: ["n"], most: 2 },';
      const running = await start({ gpu: 5, action }, "--gpus", "0,1");
      const jobs = [await runners.nextJob(), await runners.nextJob()];
      expect(runners.untaken).toBe(0);
      expect(jobs.map(({ devices }) => devices).sort()).toEqual(["0", "1"]);
      expect(jobs.map((job) => ids(job).length)).toEqual([2, 2]);
      const [first, second] = jobs as [FakeJob, FakeJob];
      second.succeed();
      const third = await runners.nextJob();
      expect(ids(third)).toEqual(names("gpu", 5));
      expect([third.pid, third.devices]).toEqual([second.pid, second.devices]);
      third.succeed();
      first.succeed();
      const finished = await running.finished;
      expect(finished.code).toBe(0);
      for (const id of names("gpu", 1, 2, 3, 4, 5)) expect(ranOnce(finished, id)).toBe(true);
    },
  );
});

describe("when a member", () => {
  it.runIf(WIDE)("fails, it fails alone", async () => {
    const running = await start({ cpu: 3 }, "--jobs", "1");
    const job = await runners.nextJob();
    fs.writeFileSync(job.request.actions[1]?.outputs["text"]?.path ?? "", "NaN\n");
    job.send({
      type: "failed",
      action: "cpu/2.txt",
      class: "gate_failed",
      retryable: false,
      reason: "non_finite_score",
      message: "a score is NaN",
    });
    expect(await failureOf(running, "cpu/2.txt")).toMatchObject({
      reason: "gate_failed",
      message: "a score is NaN",
      log: ".aqm/logs/cpu~1.txt.log",
    });
    job.finish("cpu/1.txt");
    job.finish("cpu/3.txt");
    job.idle();
    const { stdout, code } = await running.finished;
    expect(code).toBe(1);
    expect(stdout).toContain('"ran":2,"restored":0,"shared":0,"fresh":0,"failed":1,"blocked":1');
    expect(workspace.read(".aqm/failed/cpu~2.txt")).toBe("NaN\n");
    expect(workspace.exists("aqm.lock/cpu/2.txt.json")).toBe(false);
  });

  it("ends the process, what is done stays done, and the others say whose fault it was", async () => {
    const running = await start({ cpu: 3 }, "--jobs", "1");
    const job = await runners.nextJob();
    job.finish("cpu/1.txt");
    job.send({
      type: "error",
      action: "cpu/2.txt",
      class: "bug",
      retryable: false,
      reason: "value_error",
      message: "a bug",
    });
    job.exit(5);
    expect(await failureOf(running, "cpu/2.txt")).toMatchObject({ reason: "op_failed" });
    expect(await failureOf(running, "cpu/3.txt")).toMatchObject({
      reason: "runner_died",
      message: "It ran together with cpu/2.txt, which failed and ended the process",
    });
    expect((await running.finished).code).toBe(1);
    expect(record("cpu/1.txt").outputs["text"]?.path).toBe("cpu/1.txt");
    const again = build("--jobs", "1");
    const rest = await runners.nextJob();
    expect(ids(rest)).toEqual(names("cpu", 2, 3));
    rest.succeed();
    expect((await again.finished).code).toBe(0);
  });

  it("dies with the process, what is done stays done (P7)", async () => {
    const running = await start({ cpu: 3 }, "--jobs", "1");
    const job = await runners.nextJob();
    job.finish("cpu/3.txt");
    await running.event(settled("cpu/3.txt"));
    process.kill(job.pid, "SIGKILL");
    for (const id of names("cpu", 1, 2)) {
      expect(await failureOf(running, id)).toMatchObject({ reason: "runner_died" });
    }
    expect((await running.finished).stdout).toContain('"ran":1');
    expect(workspace.exists(".aqm/stage")).toBe(false);
  });

  it.runIf(WIDE)("is forgotten by its process, that is a mistake in the protocol", async () => {
    const running = await start({ cpu: 2 }, "--jobs", "1");
    const job = await runners.nextJob();
    job.finish("cpu/1.txt");
    job.idle();
    expect(await failureOf(running, "cpu/2.txt")).toMatchObject({ reason: "runner_protocol" });
    expect((await running.finished).code).toBe(1);
  });

  it.runIf(WIDE)("loses its device, those that were not done are tried once more", async () => {
    const running = await start({ cpu: 3 }, "--jobs", "1");
    const first = await runners.nextJob();
    first.finish("cpu/1.txt");
    first.send({
      type: "error",
      action: undefined,
      class: "device_lost",
      retryable: true,
      reason: "cuda_error",
      message: "the device fell off",
    });
    first.exit(5);
    const second = await runners.nextJob();
    expect(ids(second)).toEqual(names("cpu", 2, 3));
    expect(second.pid).not.toBe(first.pid);
    second.succeed();
    const finished = await running.finished;
    expect(finished.code).toBe(0);
    for (const id of names("cpu", 1, 2, 3)) expect(ranOnce(finished, id)).toBe(true);
  });

  it.runIf(WIDE)("finds no memory, fewer are tried at once, down to one", async () => {
    const running = await start({ cpu: 4 }, "--jobs", "1");
    const sizes: number[] = [];
    for (let done = 0; done < 4;) {
      const job = await runners.nextJob();
      sizes.push(job.request.actions.length);
      if (job.request.actions.length > 1) {
        job.fail({ class: "out_of_memory", reason: "cuda", message: "out of memory" });
        job.exit(4);
      } else {
        job.succeed();
        done += 1;
      }
    }
    expect(sizes).toEqual([4, 2, 2, 1, 1, 1, 1]);
    expect((await running.finished).code).toBe(0);
  });

  it("reads an input that changes meanwhile, none of those that come after is recorded (P12)", async () => {
    const running = await start({ cpu: 3 }, "--jobs", "1");
    const job = await runners.nextJob();
    job.finish("cpu/1.txt");
    await running.event(settled("cpu/1.txt"));
    workspace.write("source.txt", "something else\n");
    job.finish("cpu/2.txt");
    job.finish("cpu/3.txt");
    job.idle();
    for (const id of names("cpu", 2, 3)) {
      expect(await failureOf(running, id)).toMatchObject({ reason: "input_changed" });
    }
    await running.finished;
    expect(workspace.exists("cpu/2.txt")).toBe(false);
    const again = build("--jobs", "1");
    const second = await runners.nextJob();
    expect(ids(second)).toEqual(names("cpu", 1, 2, 3)); // the first was made from what is gone
    second.succeed();
    expect((await again.finished).code).toBe(0);
  });
});

it("a batch that is interrupted leaves nothing of what was not done", async () => {
  await open({ cpu: 3 });
  const running = workspace.start([...BUILD, "--jobs", "1"], leases());
  const job = await runners.nextJob();
  job.finish("cpu/1.txt");
  await running.event(settled("cpu/1.txt"));
  fs.writeFileSync(job.request.actions[1]?.outputs["text"]?.path ?? "", "half");
  running.kill("SIGINT");
  await job.signal();
  job.exit(130);
  expect((await running.finished).code).toBe(130);
  expect(workspace.exists("cpu/1.txt")).toBe(true);
  expect(workspace.exists("cpu/2.txt")).toBe(false);
  expect(workspace.exists(".aqm/stage")).toBe(false);
});

it.runIf(WIDE)("in plain text, a batch is one line with its members below", async () => {
  workspace = runnerWorkspace({ cpu: 2, action: TOGETHER });
  runners = await FakeRunners.listen(workspace);
  const running = workspace.start(["build", "--python", FAKE_PYTHON, "--jobs", "1"]);
  (await runners.nextJob()).succeed();
  const { stdout } = await running.finished;
  expect(stdout).toContain("run      2 actions together work\n           cpu/1.txt\n");
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { basename, dirname } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { ActionRecord } from "../../src/model/record.ts";
import { FAKE_PYTHON, FakeRunners, type FakeJob } from "../rig/fake-runners.ts";
import type { Finished, TestWorkspace } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";
import { WIDE } from "../rig/wide.ts";

/* Where an op may keep partial results, and for how long; the test is the op. */

let workspace: TestWorkspace;
let runners: FakeRunners;

const BOUNDED = 'resumable: { bounds: ["n"] },';

async function open(action = BOUNDED, cpu = 1): Promise<void> {
  workspace = runnerWorkspace({ action, cpu });
  const past = Date.now() / 1000 - 100; // so that a later edit is sure to show in its times
  fs.utimesSync(workspace.path("source.txt"), past, past);
  runners = await FakeRunners.listen(workspace);
}
const aqm = (command: string, ...args: string[]): Promise<Finished> =>
  workspace.aqm([command, "--python", FAKE_PYTHON, ...args]);
const BUILD = ["build", "--json", "--jobs", "1"] as const;
const build = (): Promise<Finished> => aqm(...BUILD);

/** A build in a process of its own, which is killed once its job has kept an item. */
async function killedAfter(item: string): Promise<void> {
  const running = workspace.start([...BUILD, "--python", FAKE_PYTHON]);
  keep(await runners.nextJob(), item);
  running.kill("SIGKILL");
  await running.finished;
}

/** Where the op may put its items. */
const placeOf = ({ request }: FakeJob): string => request.actions[0]?.partial ?? "";
function keep(job: FakeJob, item: string): void {
  fs.mkdirSync(placeOf(job), { recursive: true });
  fs.writeFileSync(`${placeOf(job)}/${item}`, item);
}
const kept = (job: FakeJob): readonly string[] =>
  fs.existsSync(placeOf(job)) ? fs.readdirSync(placeOf(job)).sort() : [];

async function ends(running: Promise<Finished>, code = 0): Promise<string> {
  const finished = await running;
  expect(finished, finished.stdout + finished.stderr).toMatchObject({ code });
  return finished.stdout;
}

/** A build whose only job keeps these items and succeeds. */
async function measured(...items: string[]): Promise<FakeJob> {
  const running = build();
  const job = await runners.nextJob();
  for (const item of items) keep(job, item);
  job.succeed();
  await ends(running);
  return job;
}

afterEach(() => {
  runners.close();
  workspace.remove();
});

describe("a resumable action", () => {
  it.runIf(WIDE)(
    "is told of a place in .aqm/partial, which is named after its identity",
    async () => {
      await open();
      const job = await measured();
      expect(placeOf(job)).toMatch(/\/\.aqm\/partial\/[0-9a-f]{64}\/items$/);
      expect(placeOf(job).startsWith(workspace.root)).toBe(true);
    },
  );

  it("finds the items of a shorter run, and a shorter one those of a longer", async () => {
    await open();
    const first = await measured("one");
    workspace.edit("Aqmfile.ts", "params: { n }", "params: { n: 9 }");
    const longer = build();
    const job = await runners.nextJob();
    expect(kept(job)).toEqual(["one"]);
    keep(job, "two");
    job.succeed("longer\n");
    await ends(longer);
    workspace.edit("Aqmfile.ts", "params: { n: 9 }", "params: { n: 2 }");
    const shorter = await measured();
    expect(kept(shorter)).toEqual(["one", "two"]);
    expect(placeOf(shorter)).toBe(placeOf(first));
    const record = JSON.parse(workspace.read("aqm.lock/cpu/1.txt.json")) as ActionRecord;
    expect(record.action.params).toEqual({ n: 2 }); // bounds stay in the key
  });

  it.runIf(WIDE)("finds them at another output path, too", async () => {
    await open();
    const first = await measured("one");
    workspace.edit("Aqmfile.ts", 'lane + "/" + n', 'lane + "/moved-" + n');
    const moved = await measured();
    expect([placeOf(moved), kept(moved)]).toEqual([placeOf(first), ["one"]]);
  });

  it("shares its items with actions that differ in bounds only", async () => {
    await open(BOUNDED, 2);
    const running = build();
    const one = await runners.nextJob();
    keep(one, "one");
    one.succeed();
    const two = await runners.nextJob();
    expect(kept(two)).toEqual(["one"]);
    two.succeed();
    await ends(running);
  });

  it.runIf(WIDE)(
    "has a place of its own for another param, input, op source or lock file",
    async () => {
      await open("resumable: { bounds: [] },");
      const jobs = [await measured()];
      workspace.edit("Aqmfile.ts", "params: { n }", "params: { n: 9 }");
      jobs.push(await measured());
      for (const [path, text] of [
        ["source.txt", "other\n"],
        ["python/aqm_runner/ops/work.py", "# other\n"],
        ["fake.lock", "fake==1.0 --hash=sha256:1\n"],
      ] as const) {
        workspace.write(path, text);
        jobs.push(await measured());
      }
      expect(new Set(jobs.map(placeOf)).size).toBe(5);
    },
  );

  it.runIf(WIDE)("has a place of its own in a batch as it has alone", async () => {
    await open('resumable: { bounds: [] }, batch: { apart: ["n"] },', 2);
    const running = build();
    const job = await runners.nextJob();
    const places = job.request.actions.map(({ partial }) => partial);
    job.succeed();
    await ends(running);
    expect(new Set(places).size).toBe(2);
    workspace.edit("Aqmfile.ts", ', batch: { apart: ["n"] }', "");
    for (const n of [1, 2]) fs.rmSync(workspace.path(`cpu/${n}.txt`));
    fs.rmSync(workspace.path(".aqm/store"), { recursive: true });
    const alone = build();
    const found = [];
    for (let n = 0; n < 2; n++) {
      const next = await runners.nextJob();
      found.push(placeOf(next));
      next.succeed();
    }
    await ends(alone);
    expect(found.sort()).toEqual(places.sort());
  });

  it.runIf(WIDE)("is not fresh for having items", async () => {
    await open();
    const job = await measured("one");
    fs.rmSync(workspace.path("cpu/1.txt"));
    fs.rmSync(workspace.path("aqm.lock"), { recursive: true });
    fs.rmSync(workspace.path(".aqm/store"), { recursive: true });
    fs.rmSync(workspace.path(".aqm/history"), { recursive: true });
    const dry = await aqm("build", "--dry-run");
    expect(dry.stdout).toContain("run      cpu/1.txt");
    expect(kept(await measured())).toEqual(kept(job));
  });

  it.runIf(WIDE)("has none where its rule says nothing", async () => {
    await open("");
    const job = await measured();
    expect(job.request.actions[0]).not.toHaveProperty("partial");
    expect(workspace.exists(".aqm/partial")).toBe(false);
  });

  it.runIf(WIDE).each(["verify --rerun --json cpu/1.txt", "build --json --rerun cpu/1.txt"])(
    "has none in a rerun: aqm %s measures everything again",
    async (words) => {
      await open();
      await measured("one");
      const [command = "", ...args] = words.split(" ");
      const rerunning = aqm(command, ...args);
      const job = await runners.nextJob();
      expect(job.request.actions[0]).not.toHaveProperty("partial");
      job.succeed();
      await ends(rerunning);
    },
  );
});

describe("a run that is cut off", () => {
  it("leaves its items to the next one", async () => {
    await open();
    await killedAfter("one");
    expect(kept(await measured())).toEqual(["one"]);
  });

  it.runIf(WIDE)("leaves them after a failure of the op, too", async () => {
    await open();
    const failing = build();
    const job = await runners.nextJob();
    keep(job, "one");
    job.fail({ class: "bug", reason: "unforeseen", message: "no" });
    job.exit(5);
    await ends(failing, 1);
    expect(kept(await measured())).toEqual(["one"]);
  });

  it.runIf(WIDE)("leaves none if an input was touched since, which the next run says", async () => {
    await open();
    await killedAfter("one");
    workspace.write("source.txt", "source\n"); // edited, and put back
    const next = build();
    expect(kept(await runners.nextJob().then((again) => (again.succeed(), again)))).toEqual([]);
    expect(await ends(next)).toContain("its inputs may have changed during a run");
  });
});

describe("a run whose input changed while it ran", () => {
  it.runIf(WIDE)("leaves no items, since nobody knows what they were measured from", async () => {
    await open();
    const before = await measured("one");
    workspace.edit("Aqmfile.ts", "params: { n }", "params: { n: 9 }");
    const running = build();
    const job = await runners.nextJob();
    expect(placeOf(job)).toBe(placeOf(before));
    keep(job, "two");
    workspace.write("source.txt", "other\n");
    job.succeed();
    expect(await ends(running, 1)).toContain("input_changed");
    workspace.write("source.txt", "source\n");
    expect(kept(await measured())).toEqual([]);
  });
});

describe("a workspace whose partial results are damaged", () => {
  it("is mended by the next build when a file is in their place", async () => {
    await open();
    workspace.write(".aqm/partial", "in the way");
    expect(kept(await measured("one"))).toEqual(["one"]);
  });

  it.runIf(WIDE)("builds without them, and says so, when they can be kept nowhere", async () => {
    await open();
    fs.mkdirSync(workspace.path(".aqm"), { recursive: true });
    fs.symlinkSync("/sys", workspace.path(".aqm/partial")); // a folder in which none can be made
    const running = build();
    const job = await runners.nextJob();
    expect(job.request.actions[0]).not.toHaveProperty("partial");
    job.succeed();
    expect(await ends(running)).toContain("runs without partial results");
    expect(workspace.read("sum.txt")).toBe("made\n");
  });

  it.runIf(WIDE)("builds when they are gone", async () => {
    await open();
    await measured("one");
    fs.rmSync(workspace.path(".aqm/partial"), { recursive: true });
    workspace.edit("Aqmfile.ts", "params: { n }", "params: { n: 9 }");
    expect(kept(await measured())).toEqual([]);
  });
});

describe("aqm gc", () => {
  const gc = (...args: string[]): Promise<string> => ends(workspace.aqm(["gc", ...args]));

  it("shows partial results and bounds them by a tenth of the store's bound", async () => {
    await open();
    const job = await measured("one");
    const identity = basename(dirname(placeOf(job)));
    expect(await gc("--max-size", "1GB")).toMatch(
      /partial results of 1 action \(\d.*kB\) of at most 100.0 MB/,
    );
    const dry = await gc("--dry-run", "--max-size", "0");
    expect(dry).toContain(`would remove partial results ${identity.slice(0, 10)}`);
    expect(kept(job)).toEqual(["one"]);
    const { partial } = JSON.parse(await gc("--json", "--max-size", "0")) as {
      partial: { removed: { identity: string }[]; kept: number };
    };
    expect(partial).toMatchObject({ removed: [{ identity: `sha256:${identity}` }], kept: 0 });
    expect(fs.readdirSync(workspace.path(".aqm/partial"))).toEqual([]);
  });

  it.runIf(WIDE)("waits for a build that is running", async () => {
    await open();
    const running = build();
    const job = await runners.nextJob();
    keep(job, "one");
    const collecting = spawn(process.execPath, [workspace.bin, "gc", "--max-size", "0"], {
      cwd: workspace.root,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const collected = once(collecting, "close");
    await once(collecting.stderr, "data"); // it says for whom it waits
    expect(kept(job)).toEqual(["one"]);
    job.succeed();
    await ends(running);
    expect(await collected).toEqual([0, null]);
    expect(kept(job)).toEqual([]);
  });
});

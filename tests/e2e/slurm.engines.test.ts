import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  ClusterWorkspace,
  eventually,
  isRequired,
  lacking,
  TestCluster,
  toInstall,
  type ClusterOptions,
} from "../rig/slurm/cluster.ts";

const missing = lacking();

/** On a real controller with two nodes. Each test has a workspace of its own. */
describe.skipIf(missing !== "" && !isRequired)("a build on a cluster", () => {
  let cluster: TestCluster;
  beforeAll(() => {
    if (missing !== "") throw new Error(toInstall(missing));
    cluster = TestCluster.up({
      nodes: 2,
      conf: "PreemptType=preempt/partition_prio\nPreemptMode=CANCEL\nPartitionName=first Nodes=n[1-2] PriorityTier=10",
    });
  });
  afterAll(() => TestCluster.allDown());

  const made: ClusterWorkspace[] = [];
  afterEach(() => made.splice(0).forEach((one) => one.remove()));
  const workspace = (options: ClusterOptions): ClusterWorkspace => {
    const one = new ClusterWorkspace(cluster, options);
    made.push(one);
    return one;
  };
  /** Jobs of aqm that have ended since, and none is left. */
  const endedSince = async (before: number) => {
    await eventually(() => cluster.live().length === 0);
    return cluster.ended().slice(before);
  };

  it("runs each action once, as a job, and publishes what jobs made", async () => {
    const before = cluster.ended().length;
    const w = workspace({ actions: 3 });
    const { workspace: files } = w;
    const built = await w.build().finished;
    expect(built.code).toBe(0);
    expect(files.read("sum.txt")).toBe("1 of source\n2 of source\n3 of source\n");
    expect(
      w
        .ran()
        .map(([n]) => n)
        .sort(),
    ).toEqual(["1", "2", "3"]);
    const jobs = await endedSince(before);
    expect(jobs.map(({ state }) => state)).toEqual(["COMPLETED", "COMPLETED", "COMPLETED"]);
    expect(new Set(jobs.map(({ name }) => name)).size).toBe(3);
    expect(fs.readdirSync(files.path(".aqm/submitted"))).toEqual([]);
    expect((await w.build().finished).stdout).toContain('"fresh":4');
  });

  it("goes on after its driver was killed: the next one takes over what runs", async () => {
    const before = cluster.ended().length;
    const w = workspace({ actions: 2 });
    w.close("1");
    w.close("2");
    const first = w.build();
    await w.begun(1);
    await w.begun(2);
    first.kill("SIGKILL");
    await first.finished;
    const second = w.build();
    await second.event((event) => event.type === "job_submitted" && event.state === "found");
    w.open("1");
    w.open("2");
    expect((await second.finished).code).toBe(0);
    expect(w.ran()).toHaveLength(2);
    expect(await endedSince(before)).toHaveLength(2);
  });

  it("with --detach leaves its jobs to the cluster, and the next build takes what is done", async () => {
    const before = cluster.ended().length;
    const w = workspace({ actions: 2 });
    w.close("2");
    const left = await w.build(["--detach"]).finished;
    expect(left.code).toBe(14);
    expect(left.stdout).toContain('"outcome":"submitted"');
    await w.begun(2);
    w.open("2");
    expect(await endedSince(before)).toHaveLength(2); // nobody looked meanwhile
    // Other clocks than that of this machine: what a file server says of times decides nothing.
    for (const path of fs.readdirSync(w.workspace.path(".aqm/submitted"), { recursive: true })) {
      const at = new Date(Date.now() + (String(path).length % 2 === 0 ? 3600_000 : -86_400_000));
      fs.utimesSync(join(w.workspace.path(".aqm/submitted"), String(path)), at, at);
    }
    const taken = await w.build().finished;
    expect(taken.code).toBe(0);
    expect(w.ran()).toHaveLength(2);
    expect(await endedSince(before)).toHaveLength(2);
    expect(w.workspace.read("out/2.txt")).toBe("2 of source\n");
  });

  it("does not take what a job made of an input that was touched meanwhile", async () => {
    const w = workspace({ actions: 1 });
    w.close("1");
    await w.build(["--detach"]).finished;
    await w.begun(1);
    w.workspace.write("source.txt", "other\n");
    w.workspace.write("source.txt", "source\n"); // the same key again
    w.open("1");
    const built = await w.build().finished;
    expect(built.code).toBe(0);
    expect(built.stdout).toContain("what it reads was touched");
    expect(w.ran()).toHaveLength(2);
    await endedSince(0);
  });

  it("on Ctrl-C cancels all its jobs by one call, and leaves nothing", async () => {
    const before = cluster.ended().length;
    const w = workspace({ actions: 3, slurm: `prefix: [${JSON.stringify(noted())}]` });
    for (const n of ["1", "2", "3"]) w.close(n);
    const running = w.build();
    for (const n of [1, 2, 3]) await w.begun(n);
    running.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
    const jobs = await endedSince(before);
    expect(jobs.map(({ state }) => state)).toEqual(["CANCELLED", "CANCELLED", "CANCELLED"]);
    expect(fs.readFileSync(calls(), "utf8").match(/^scancel/gm)).toHaveLength(1);
    expect(fs.readdirSync(w.workspace.path(".aqm/submitted"))).toEqual([]);
  });

  it("on Ctrl-C with --detach leaves the jobs that it waits for", async () => {
    const w = workspace({ actions: 1, slurm: `prefix: [${JSON.stringify(noted("slow"))}]` });
    w.close("1");
    const running = w.build(["--detach"]);
    await eventually(
      () => fs.existsSync(calls()) && /^sbatch/m.test(fs.readFileSync(calls(), "utf8")),
    );
    running.kill("SIGINT");
    await running.finished;
    await w.begun(1);
    w.open("1");
    expect((await w.build().finished).code).toBe(0);
    expect(w.ran()).toHaveLength(1);
  });

  it("tries again on another node when a node is lost", async () => {
    const w = workspace({ actions: 1 });
    w.close("1");
    const running = w.build();
    const [node] = await w.begun(1);
    cluster.stop(`slurmd.${node}`, "KILL");
    const [, other] = await w.begun(1, 2);
    expect(other).not.toBe(node);
    w.open("1");
    const built = await running.finished;
    expect(built.code).toBe(0);
    expect(built.stdout).toContain(`was lost with its node ${node}`);
    cluster.start(`slurmd.${node}`);
    await eventually(() => !cluster.run("sinfo", "-h", "-N", "-o", "%T").includes("down"));
  });

  it("tries again when a job has to make place for another", async () => {
    const w = workspace({ actions: 1 });
    w.close("1");
    const running = w.build();
    await w.begun(1);
    const all = cluster.run(
      "sbatch",
      "--parsable",
      "-p",
      "first",
      "-N2",
      "--exclusive",
      "-o",
      "/dev/null",
      "--wrap=true",
    );
    expect(all.trim()).toMatch(/^\d+$/);
    await w.begun(1, 2);
    w.open("1");
    const built = await running.finished;
    expect(built.code).toBe(0);
    expect(built.stdout).toContain("was ended by the cluster for another job");
    expect(cluster.ended().map(({ state }) => state)).toContain("PREEMPTED");
  });

  it("says that a time limit ended a job, where no more time may be asked for", async () => {
    const w = workspace({ actions: 1, slurm: 'time: "5"' });
    w.close("1");
    const running = w.build();
    await w.begun(1);
    const [id = ""] = cluster.live();
    cluster.run("scontrol", "update", `jobid=${id}`, "EndTime=now");
    const built = await running.finished;
    expect(built.code).toBe(1);
    expect(built.stdout).toContain('"reason":"time_limit"');
    expect(built.stdout).toContain("reached its time limit of 5 min");
  });

  it("says that somebody cancelled a job, and why one ended", async () => {
    const w = workspace({ actions: 2 });
    w.close("1");
    w.close("2");
    const running = w.build(["--keep-going"]);
    await w.begun(1);
    await w.begun(2);
    fs.writeFileSync(join(w.gates, "2.exit"), "");
    w.open("2");
    await running.event((event) => event.type === "action_failed");
    cluster.run("scancel", ...cluster.live());
    const built = await running.finished;
    expect(built.code).toBe(1);
    expect(built.stdout).toMatch(/The Python process of job \d+ on n[12] ended with code 7/);
    expect(built.stdout).toMatch(/Job \d+ was cancelled, and not by this build/);
  });

  it("is refused with the words of Slurm", async () => {
    const w = workspace({ actions: 1, slurm: 'partition: "none"' });
    const built = await w.build().finished;
    expect(built.code).toBe(1);
    expect(built.stdout).toContain('"reason":"submit_refused"');
    expect(built.stdout).toMatch(/invalid partition/i);
  });

  it("asks for devices and sees only those, or asks for none", async () => {
    const w = workspace({ actions: 1, action: "resources: { gpu: 1 }," });
    expect((await w.build().finished).code).toBe(0);
    expect(w.ran()[0]?.[2]).toMatch(/^[01]$/);
    const none = workspace({
      actions: 1,
      action: "resources: { gpu: 1 }, slurm: { gpus_per_node: null },",
    });
    expect((await none.build().finished).code).toBe(0);
    expect(none.ran()[0]?.[2]).toBe("-");
  });

  it("shares a group out over as many jobs as there may be", async () => {
    const before = cluster.ended().length;
    const w = workspace({
      actions: 6,
      slurm: "jobs: 2, job_seconds: 0",
      action: 'batch: { apart: ["n"] },',
    });
    expect((await w.build().finished).code).toBe(0);
    expect(await endedSince(before)).toHaveLength(2);
    expect(w.ran()).toHaveLength(6);
  });

  it("takes jobs of its rules alone without the option, and none with --executor local", async () => {
    const before = cluster.ended().length;
    const w = workspace({ actions: 2, action: "...(index === 0 ? { slurm: {} } : {})," });
    expect((await w.start(["build", "--json"]).finished).code).toBe(0);
    expect(await endedSince(before)).toHaveLength(1);
    w.workspace.write("source.txt", "new\n");
    expect((await w.start(["build", "--json", "--executor", "local"]).finished).code).toBe(0);
    expect(await endedSince(before)).toHaveLength(1);
  });

  it("lets two builds of one workspace submit each job once", async () => {
    const before = cluster.ended().length;
    const w = workspace({ actions: 3 });
    const both = await Promise.all([w.build().finished, w.build().finished]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(w.ran()).toHaveLength(3);
    expect(await endedSince(before)).toHaveLength(3);
  });

  it("keeps a token from what Slurm keeps, from scripts and from logs", async () => {
    const token = "hf_planted0123456789";
    const w = workspace({
      actions: 1,
      environment: 'passed: { SECRET_TOKEN: "it opens a door and changes no result" }',
    });
    w.close("1");
    const running = w.build([], { SECRET_TOKEN: token });
    await w.begun(1);
    const places = [cluster.root, w.workspace.root, w.gates];
    expect(places.flatMap((place) => holding(place, token))).toEqual([]); // while it runs
    w.open("1");
    const built = await running.finished;
    expect(built.code).toBe(0);
    expect(w.workspace.read("aqm.lock/out/1.txt.json")).toContain('"token": "seen"');
    expect(places.flatMap((place) => holding(place, token))).toEqual([]);
    expect(built.stdout + built.stderr).not.toContain(token);
  });

  /** A program that writes down each command of Slurm, and runs it. */
  const calls = (): string => join(cluster.root, "run/calls");
  const noted = (speed = ""): string => {
    fs.rmSync(calls(), { force: true });
    const path = join(cluster.root, `run/noted${speed}`);
    const wait = speed === "" ? "" : "case $1 in sbatch) sleep 2 ;; esac\n";
    fs.writeFileSync(path, `#!/bin/sh\necho "$@" >> ${calls()}\n${wait}exec "$@"\n`, {
      mode: 0o755,
    });
    return path;
  };
});

/** Files that have a text in them. */
function holding(folder: string, text: string): readonly string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      try {
        return fs.readFileSync(path).includes(text);
      } catch {
        return false; // it went away
      }
    });
}

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

/** A controller that takes four jobs, finished ones included, and forgets those after two seconds. */
describe.skipIf(missing !== "" && !isRequired)("a build on a cluster in trouble", () => {
  let cluster: TestCluster;
  beforeAll(() => {
    if (missing !== "") throw new Error(toInstall(missing));
    cluster = TestCluster.up({ nodes: 1, conf: "MaxJobCount=4\nMinJobAge=2" });
  });
  afterAll(() => TestCluster.allDown());

  const made: ClusterWorkspace[] = [];
  afterEach(() => made.splice(0).forEach((one) => one.remove()));
  const workspace = (options: ClusterOptions): ClusterWorkspace => {
    const one = new ClusterWorkspace(cluster, options);
    made.push(one);
    return one;
  };
  const endedSince = async (before: number) => {
    await eventually(() => cluster.live().length === 0);
    return cluster.ended().slice(before);
  };
  /** A program that stands before the commands of Slurm, as ssh would. */
  const before = (name: string, script: string): string => {
    const path = join(cluster.root, "run", name);
    fs.writeFileSync(path, `#!/bin/sh\n${script}`, { mode: 0o755 });
    return `prefix: [${JSON.stringify(path)}]`;
  };

  it("waits while the queue is full, and submits all of more jobs than it takes", async () => {
    const count = cluster.ended().length;
    const w = workspace({ actions: 7 });
    expect((await w.build().finished).code).toBe(0);
    expect(w.ran()).toHaveLength(7);
    expect(await endedSince(count)).toHaveLength(7);
  });

  it("finds the job of a submission whose answer was lost", async () => {
    const count = cluster.ended().length;
    const lost = before(
      "lost",
      `case $1 in sbatch)
  "$@" >/dev/null
  echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
  exit 1 ;;
esac
exec "$@"
`,
    );
    const w = workspace({ actions: 2, slurm: lost });
    expect((await w.build().finished).code).toBe(0);
    expect(w.ran()).toHaveLength(2);
    expect(await endedSince(count)).toHaveLength(2);
  });

  it("does the work once where two jobs of one name come to be", async () => {
    const twice = before(
      "twice",
      'case $1 in sbatch) tee /dev/fd/3 3>"$0.script" | "$@" >/dev/null; exec "$@" < "$0.script" ;; esac\nexec "$@"\n',
    );
    const w = workspace({ actions: 1, slurm: twice });
    const count = cluster.ended().length;
    expect((await w.build().finished).code).toBe(0);
    expect(w.ran()).toHaveLength(1);
    expect(await endedSince(count)).toHaveLength(2);
  });

  it("submits once, and takes the result, though the controller is restarted in the middle", async () => {
    const count = cluster.ended().length;
    const w = workspace({ actions: 2 });
    w.close("1");
    w.close("2");
    cluster.stop("slurmctld");
    const running = w.build();
    await running.event((event) => event.type === "action_warning");
    cluster.start("slurmctld");
    await w.begun(1);
    await w.begun(2);
    cluster.stop("slurmctld");
    w.open("1");
    w.open("2");
    const built = await running.finished; // no controller: the markers are enough
    expect(built.code).toBe(0);
    expect(w.ran()).toHaveLength(2);
    cluster.start("slurmctld");
    await eventually(() => cluster.ended().length === count + 2);
  });

  it("submits anew what a killed build had written down and not yet submitted", async () => {
    const stopped = before(
      "stopped",
      `case $1 in sbatch) [ -e "$0.go" ] || exec sleep 1000 ;; esac\nexec "$@"\n`,
    );
    const w = workspace({ actions: 1, slurm: stopped });
    const folder = w.workspace.path(".aqm/submitted");
    const first = w.build();
    await eventually(
      () =>
        fs.existsSync(folder) &&
        fs.readdirSync(folder).some((name) => fs.existsSync(join(folder, name, "submission.json"))),
    );
    first.kill("SIGKILL");
    await first.finished;
    fs.writeFileSync(join(cluster.root, "run/stopped.go"), "");
    expect((await w.build().finished).code).toBe(0);
    expect(w.ran()).toHaveLength(1);
  });
});

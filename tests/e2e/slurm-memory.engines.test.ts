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
} from "../rig/slurm/cluster.ts";

const missing = lacking();
const HELD = "/sys/fs/cgroup/memory";
/** Memory is held by cgroups of version 1, which not every machine has, and a container may not let one write. */
const canHold = fs.existsSync(HELD) && canMake(join(HELD, `aqm-test-${process.pid}`));

function canMake(folder: string): boolean {
  try {
    fs.mkdirSync(folder);
    fs.rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf((missing !== "" && !isRequired) || !canHold)(
  "a build on a cluster that holds jobs to their memory (skipped unless cgroups of version 1 can be made)",
  () => {
    let cluster: TestCluster;
    let w: ClusterWorkspace | null = null;
    beforeAll(() => {
      if (missing !== "") throw new Error(toInstall(missing));
      cluster = TestCluster.up({ nodes: 1, memory: true });
    });
    afterEach(() => w?.remove());
    afterAll(() => TestCluster.allDown());

    it("says that a job took too much, and shares a group out in halves until that one is alone", async () => {
      w = new ClusterWorkspace(cluster, {
        actions: 4,
        slurm: 'mem: "200M", jobs: 1, job_seconds: 0',
        action: 'batch: { apart: ["n"] },',
      });
      fs.writeFileSync(join(w.gates, "2.hungry"), "");
      const built = await w.build(["-k"]).finished;
      expect(built.code).toBe(1);
      expect(built.stdout).toContain('"reason":"out_of_memory"');
      expect(built.stdout).toContain("took more memory than it had asked for");
      expect(built.stdout).toContain("`mem` in the slurm settings");
      const made = [1, 2, 3, 4].filter((n) => w?.workspace.exists(`out/${n}.txt`) === true);
      expect(made).toEqual([1, 3, 4]);
      await eventually(() => cluster.live().length === 0);
      const states = cluster.ended().map(({ state }) => state);
      expect(states.filter((state) => state === "OUT_OF_MEMORY").length).toBeGreaterThan(1);
      expect(new Set(states)).toEqual(new Set(["OUT_OF_MEMORY", "COMPLETED"]));
    });
  },
);

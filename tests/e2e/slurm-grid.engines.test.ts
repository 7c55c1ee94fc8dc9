import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isRequired, lacking, TestCluster, toInstall } from "../rig/slurm/cluster.ts";
import { TestWorkspace } from "../rig/workspace.ts";

const missing = lacking();
const SCORES =
  "models/qwen3_vl_tiny/layer-analysis/*/qwen3_vl_tiny_autoquant_*_lm_small/sensitivity-scores.json";

/** What a build came to: its jobs by state, its seconds, and the bytes of all scores. */
interface Grid {
  readonly states: readonly string[];
  readonly names: number;
  /** On how many nodes they were: Slurm decides that, from those that answer and are free when a job is sent. */
  readonly nodes: number;
  readonly seconds: number;
  readonly scores: Readonly<Record<string, string>>;
}

/** The pairs of formats of the tiny model, scored by real ModelOpt, as jobs on one node and on four. */
describe.skipIf(missing !== "" && !isRequired)("the grid of pairs on a cluster", () => {
  const made: TestWorkspace[] = [];
  let one: Grid;
  let four: Grid;
  beforeAll(async () => {
    if (missing !== "") throw new Error(toInstall(missing));
    one = await grid(1);
    four = await grid(4);
    const told = ({ states, seconds }: Grid): string => `${states.length} jobs, ${seconds} s`;
    process.stdout.write(`one node: ${told(one)}; four nodes: ${told(four)}\n`);
  });
  afterAll(() => {
    TestCluster.allDown();
    for (const workspace of made) workspace.remove();
  });

  async function grid(nodes: number): Promise<Grid> {
    const cluster = TestCluster.up({ nodes });
    const workspace = TestWorkspace.copyOfRepository();
    made.push(workspace);
    workspace.edit(
      "Aqmfile.ts",
      "defaults:",
      // A node has room for more than one of these jobs.
      `slurm: { jobs: ${nodes}, job_seconds: 0, sbatch_args: ["--exclusive"] },\n  defaults:`,
    );
    const begin = performance.now();
    const built = await workspace.start(["build", "--executor", "slurm", SCORES], {
      env: cluster.variables,
    }).finished;
    const seconds = Math.round((performance.now() - begin) / 1000);
    expect(built).toMatchObject({ code: 0, stderr: "" });
    const below = fs.readdirSync(workspace.path("models"), { recursive: true, encoding: "utf8" });
    const paths = below.filter((path) => path.endsWith("/sensitivity-scores.json")).sort();
    const jobs = cluster.ended();
    return {
      states: jobs.map(({ state }) => state),
      names: new Set(jobs.map(({ name }) => name)).size,
      nodes: new Set(jobs.map(({ nodes: on }) => on)).size,
      seconds,
      scores: Object.fromEntries(paths.map((path) => [path, workspace.read(`models/${path}`)])),
    };
  }

  it("comes out the same, each job done once", () => {
    expect(Object.keys(one.scores).length).toBeGreaterThan(8);
    expect(four.scores).toEqual(one.scores);
    for (const { states, names } of [one, four]) {
      expect(new Set(states)).toEqual(new Set(["COMPLETED"]));
      expect(names).toBe(states.length);
    }
  });

  it("is shared out over several nodes", () => {
    expect(one.nodes).toBe(1);
    expect(four.states.length).toBeGreaterThan(one.states.length);
    expect(four.nodes).toBeGreaterThan(1);
  });
});

import * as fs from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REPOSITORY, TestWorkspace, type Finished, type Running } from "../rig/workspace.ts";

/** The main job on real ModelOpt, ended in the middle, made again, and on broken weights. */
const RUN =
  "models/qwen3_vl_tiny/layer-analysis/weight-fp8-act-fp8/qwen3_vl_tiny_autoquant_wfp8_afp8_lm_small";
const SCORES = `${RUN}/sensitivity-scores.json`;

let workspace: TestWorkspace;
let first: Awaited<ReturnType<TestWorkspace["build"]>>;
/** What came of two builds that ended in the middle of scoring, before the first whole one. */
let runnerKilled: Finished & { readonly scored: boolean };
let aqmKilled: Finished & { readonly scored: boolean };

beforeAll(async () => {
  workspace = TestWorkspace.copyOfRepository();
  workspace.onlyModels("qwen3_vl_tiny");
  runnerKilled = await whileScoring(({ pid }) => {
    for (const runner of runnersOf(pid)) process.kill(-runner, "SIGKILL");
  });
  let orphans: readonly number[] = [];
  aqmKilled = await whileScoring((running) => {
    orphans = runnersOf(running.pid);
    running.kill("SIGKILL");
  });
  // The one that scores is stopped, so it would stay for ever; idle ones find that aqm is gone and end.
  for (const runner of orphans) {
    try {
      process.kill(-runner, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  first = await workspace.build([RUN]);
});
afterAll(() => workspace.remove());

/** A build that is ended where ModelOpt scores; its runner stops itself there and waits for that. */
async function whileScoring(
  end: (running: Running) => void,
): Promise<Finished & { readonly scored: boolean }> {
  const python = (await workspace.aqm(["environment", "modelopt"])).stdout.trim();
  const running = workspace.start(["build", "--json", "--python", python, RUN], {
    env: { PYTHONPATH: join(REPOSITORY, "tests/rig/stop-when-scoring") },
  });
  await running.event((event) => event.type === "action_phase" && event.name === "score");
  end(running);
  const finished = await running.finished;
  const scored = workspace.exists(SCORES) || workspace.exists(`aqm.lock/${SCORES}.json`);
  return { ...finished, scored };
}
const digest = (path: string): string =>
  createHash("sha256")
    .update(fs.readFileSync(workspace.path(path)))
    .digest("hex");

describe("the main job", () => {
  it("killed in the middle of scoring, runner or aqm, records and leaves no scores", () => {
    expect(runnerKilled).toMatchObject({ code: 1, scored: false });
    expect(runnerKilled.stdout).toContain("ended by SIGKILL");
    expect(aqmKilled).toMatchObject({ signal: "SIGKILL", scored: false });
  });

  it("is whole in the build after those", () => {
    expect(first.stderr).toBe("");
    expect(first.code).toBe(0);
    expect(first.ran).toContain(SCORES);
  });

  it("is verified, and scored again without a kill to the same bytes", async () => {
    const before = digest(SCORES);
    const { code, stdout } = await workspace.aqm(["verify", "--rerun", RUN]);
    expect(code).toBe(0);
    const n = first.events
      .flatMap((event) => (event.type === "planned" ? event.actions : []))
      .filter(({ target }) => target.startsWith(`${RUN}/`)).length;
    expect(n).toBeGreaterThan(0);
    expect(stdout).toContain(`${n} targets: ${n} verified; ran again: ${n} of ${n} the same`);
    expect(digest(SCORES)).toBe(before);
  });

  it("truncated weights are named, and nothing that was there is lost", async () => {
    const weights = "models/qwen3_vl_tiny/checkpoints/tiny/model.safetensors";
    const whole = fs.readFileSync(workspace.path(weights));
    const before = digest(SCORES);
    // As a checkpoint of the user's own: no rule makes it, so nothing can bring it back.
    workspace.edit(
      "conf/model/qwen3_vl_tiny.yaml",
      "  tiny_seed: 42",
      '  placed: some/model\n  revision: "0123456789abcdef0123456789abcdef01234567"',
    );
    workspace.write(weights, whole.subarray(0, 5000));
    const finished = await workspace.aqm(["build", RUN]);
    const said = finished.stdout + finished.stderr;
    expect(finished.code).toBe(1);
    expect(said).toContain("unreadable_checkpoint");
    expect(said).toContain(weights);
    expect(digest(SCORES)).toBe(before);
    workspace.write(weights, whole);
    workspace.edit(
      "conf/model/qwen3_vl_tiny.yaml",
      '  placed: some/model\n  revision: "0123456789abcdef0123456789abcdef01234567"',
      "  tiny_seed: 42",
    );
  });
});

/** The process groups of the runners that an aqm process has started; all but the one that scores are idle. */
const runnersOf = (parent: number): readonly number[] =>
  fs.readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, "utf8");
      const parentOf = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      const command = fs.readFileSync(`/proc/${entry}/cmdline`, "utf8");
      return parentOf === parent && command.includes("aqm_runner") ? [Number(entry)] : [];
    } catch {
      return []; // gone meanwhile
    }
  });

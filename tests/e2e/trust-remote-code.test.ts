import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FAKE_PYTHON, FakeRunners, type FakeJob } from "../rig/fake-runners.ts";
import { WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** A checkpoint that brings Python code. That it runs, and what, `python/tests/test_custom_code.py` tries. */
const CONFIG = JSON.stringify({
  model_type: "qwen3_vl",
  dtype: "float32",
  auto_map: { AutoModelForImageTextToText: "modeling_owned.Owned" },
});
const RUN = "models/owned/layer-analysis/weight-fp8-act-fp8/owned_autoquant_wfp8_afp8_lm_small";
const SCORES = `${RUN}/sensitivity-scores.json`;

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = TestWorkspace.create({
    "weights/owned/config.json": CONFIG,
    "weights/owned/modeling_owned.py": "class Owned: pass\n",
    // A workspace's own: any version is right, and so is the stand-in for Python.
    "python/requirements.in": "torch\n",
    "python/requirements.lock": "",
  });
  await workspace.aqm(["init", "--yes", "--model", "weights/owned", "--formats", "wfp8_afp8"]);
});
afterEach(() => workspace.remove());

const dryRun = () => workspace.aqm(["build", "--dry-run", "--check", SCORES]);
const trusting = (): void =>
  workspace.edit("conf/model/owned.yaml", "dtype:", "trust_remote_code: true\ndtype:");

describe("a checkpoint with code of its own", () => {
  it("is refused by the plan, which names the option and what it allows", async () => {
    const { code, stdout } = await dryRun();
    expect(code).toBe(12);
    expect(stdout).toContain("weights/owned/config.json has auto_map");
    expect(stdout).toContain("conf/model/owned.yaml says trust_remote_code: true");
    expect(stdout).toContain("your files, credentials, network");
  });

  it("is scored where its config says so; op, key and cause know of it", async () => {
    trusting();
    expect((await dryRun()).code).toBe(10);
    const runners = await FakeRunners.listen(workspace);
    const built = workspace.aqm(["build", "--python", FAKE_PYTHON, SCORES]);
    const nextJob = async (): Promise<FakeJob> => {
      const job = await Promise.race([runners.nextJob(), built]);
      if ("stdout" in job) throw new Error(job.stdout + job.stderr);
      return job;
    };
    let last = await nextJob();
    for (; last.target !== SCORES; last = await nextJob()) last.succeed();
    const [action] = last.request.actions;
    expect(action?.params).toHaveProperty("trust_remote_code", true);
    expect(action?.inputs["checkpoint"]).toMatchObject({
      include: expect.arrayContaining(["*.json", "**/*.py"]) as unknown,
    });
    last.succeed();
    expect((await built).code).toBe(0);
    runners.close();

    expect((await dryRun()).code).toBe(0);
    workspace.write("weights/owned/modeling_owned.py", "class Owned: ...\n");
    const edited = await workspace.aqm(["why", SCORES]);
    expect(edited.stdout).toContain("because input weights/owned changed");
    workspace.write("weights/owned/modeling_owned.py", "class Owned: pass\n");
    workspace.edit("conf/model/owned.yaml", "trust_remote_code: true\n", "");
    expect((await dryRun()).code).toBe(12);
  });

  it.runIf(WIDE)(
    "is no other action where a config says nothing, and no config can say false",
    async () => {
      workspace.write("weights/owned/config.json", '{ "model_type": "qwen3_vl" }\n');
      expect((await dryRun()).code).toBe(10);
      workspace.edit("conf/model/owned.yaml", "dtype:", "trust_remote_code: false\ndtype:");
      const { code, stderr } = await dryRun();
      expect(code).toBe(2);
      expect(stderr).toContain("trust_remote_code");
    },
  );
});

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FAKE_PYTHON } from "../rig/fake-runners.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** How a model that is larger than one GPU gets several. That its bits stay is shown by `tests/gpu/spread.py`. */
const CONFIG = JSON.stringify({ model_type: "qwen3_vl", dtype: "float32" });
const RUN = "models/large/layer-analysis/weight-fp8-act-fp8/large_autoquant_wfp8_afp8_lm_small";
const SCORES = `${RUN}/sensitivity-scores.json`;

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = TestWorkspace.create({
    "weights/large/config.json": CONFIG,
    "python/requirements.in": "torch\n",
    "python/requirements.lock": "",
  });
  await workspace.aqm(["init", "--yes", "--model", "weights/large", "--formats", "wfp8_afp8"]);
  workspace.edit("conf/model/large.yaml", "device: cpu", "device: cuda");
});
afterEach(() => workspace.remove());

async function keys(): Promise<readonly unknown[]> {
  const { stdout } = await workspace.aqm(["build", "--dry-run", "--json", SCORES]);
  const { actions } = JSON.parse(stdout) as { actions: { target: string; key: string | null }[] };
  return actions.map(({ target, key }) => [target, key]);
}

describe("a model that is larger than one GPU", () => {
  const large = (): void =>
    workspace.edit("conf/model/large.yaml", "device: cuda", "device: cuda\ngpus: 2");

  it("has the keys of one that fits, however many its config says", async () => {
    const before = await keys();
    expect(before.length).toBeGreaterThan(1);
    large();
    expect(await keys()).toEqual(before);
  });

  it("has all that it needs, where one that fits shares its batches out over those that are free", async () => {
    const resources = async (): Promise<unknown> => {
      const { stdout } = await workspace.aqm(["build", "--dry-run", "--json", SCORES]);
      const { actions } = JSON.parse(stdout) as {
        actions: { target: string; resources: object }[];
      };
      return actions.find(({ target }) => target === SCORES)?.resources;
    };
    // 16 samples in batches of 8.
    expect(await resources()).toEqual({ cpu: 1, gpu: 1, upToGpus: 2 });
    large();
    expect(await resources()).toEqual({ cpu: 1, gpu: 2 });
  });

  it("is refused where there are fewer", async () => {
    large();
    const { code, stdout, stderr } = await workspace.aqm([
      "build",
      "--python",
      FAKE_PYTHON,
      "--gpus",
      "0",
      SCORES,
    ]);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(/2 GPUs/);
  });
});

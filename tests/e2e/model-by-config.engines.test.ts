import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestWorkspace } from "../rig/workspace.ts";

/** A file in conf/model is all that a model needs, in a workspace whose Aqmfile does not name it. */
const config = (images: boolean, source: string): string => `name: own
family: llama
images: ${images}
checkpoint: models/own/checkpoints/own
dtype: float32
device: cpu
source: ${source}
`;
const ANALYSES = "models/own/layer-analysis/weight-fp8-act-fp8";

let workspace: TestWorkspace;
beforeAll(() => {
  workspace = TestWorkspace.copyOfRepository();
  workspace.onlyModels("own");
});
afterAll(() => workspace.remove());

const planned = async (text: string): Promise<string> => {
  workspace.write("conf/model/own.yaml", text);
  return (await workspace.aqm(["build", "--dry-run", ANALYSES])).stdout;
};

describe("a model that only its config names", () => {
  it("has analyses of text, and the plan says which scope it lacks and where that is written", async () => {
    const plan = await planned(config(false, "{ tiny_seed: 1 }"));
    expect(plan).toContain("run      models/own/checkpoints/own");
    expect(plan).toContain("own_autoquant_wfp8_afp8_lm_large/sensitivity-scores.json");
    expect(plan).not.toContain("own_autoquant_all_layers_wfp8_afp8_small/sensitivity-scores.json");
    expect(plan).toContain(
      "own reads no images (images: false in conf/model/own.yaml), so that it has the scope lm alone",
    );
  });

  it("has both scopes where it reads images, and is held against its config.json", async () => {
    const path = "models/own/checkpoints/own/config.json";
    workspace.write(path, '{ "model_type": "llama", "vision_config": { "depth": 2 } }');
    const placed = "{ placed: them/own }";
    expect(await planned(config(true, placed))).toContain(
      "own_autoquant_all_layers_wfp8_afp8_small/sensitivity-scores.json",
    );
    expect(await planned(config(false, placed))).toContain(
      `${path} has vision_config; say images: true in conf/model/own.yaml`,
    );
    workspace.write(path, '{ "model_type": "mistral" }');
    expect(await planned(config(false, placed))).toContain(
      `${path} has model_type "mistral", not "llama"; correct family in conf/model/own.yaml`,
    );
  });

  it("is asked whether it reads images, unless its family is known", async () => {
    workspace.write(
      "conf/model/own.yaml",
      config(false, "{ tiny_seed: 1 }").replace(/images.*\n/, ""),
    );
    const refused = await workspace.aqm(["list"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("images");
  });
});

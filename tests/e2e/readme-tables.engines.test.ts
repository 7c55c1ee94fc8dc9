import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

const FOLDER = "models/qwen3_vl_4b_instruct";
const RUN = `${FOLDER}/layer-analysis/weight-fp8-act-fp8/qwen3_vl_4b_instruct_autoquant_wfp8_afp8_lm_small`;

/** Of a model whose runs need a GPU, which is not here. */
let workspace: TestWorkspace;
beforeAll(() => {
  workspace = TestWorkspace.copyOfRepository();
  workspace.onlyModels("qwen3_vl_4b_instruct");
  // With a second granularity tables have a column for it.
  const other = "conf/granularity/w_per_tensor.yaml";
  workspace.write(other, fs.readFileSync(join(REPOSITORY, other)));
});
afterAll(() => workspace.remove());

describe("the tables of a model's READMEs", () => {
  it("list what is there and need no GPU, whatever people wrote around them", async () => {
    const readme = `${FOLDER}/layer-analysis/README.md`;
    workspace.write(
      readme,
      "# My notes\r\n<!-- aqm:runs begin -->\r\n<!-- aqm:runs end -->\r\nend",
    );
    const first = await workspace.build([
      readme,
      `${FOLDER}/README.md`,
      `${FOLDER}/comparisons/pairs`,
      `${FOLDER}/schemes.md`,
    ]);
    expect(first.code).toBe(0);
    expect(first.ran).toHaveLength(10);
    expect(workspace.read(`${FOLDER}/README.md`)).toMatch(
      /\n0 of \d+ declared schemes are measured/,
    );
    expect(workspace.read(`${FOLDER}/schemes.md`)).toMatch(/\n## 0 of \d+ schemes measured/);
    const text = workspace.read(readme);
    expect(text).toMatch(/^# My notes\r\n<!-- aqm:runs begin -->\r\n\r\n0 of \d+ declared runs/);
    expect(text.endsWith("<!-- aqm:runs end -->\r\nend")).toBe(true);
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);

    // As a clone brings it: measured by somebody else.
    workspace.write(
      `${RUN}/wfp8_afp8_autoquant_lm_quant_manifest.json`,
      JSON.stringify({
        scheme: { name: "s", auto_quantize_bits: 12.25, auto_quantize_method: "gradient" },
        autoquant_state: { constraints: { effective_bits: 12.5 }, score: 1.5, is_satisfied: true },
        layer_sensitivity: {
          "model.l.quant_recipe": {
            formats: ["F8(effective-bits: 8.0)", "NONE(effective-bits: 16.0)"],
            scores: [1.5, 0.5],
            costs: [5e8, 1e9],
          },
        },
      }),
    );
    const second = await workspace.build([readme]);
    expect(second.ran).toEqual([`${readme}#runs`]);
    expect(workspace.read(readme)).toContain(
      "| [wfp8_afp8 small](weight-fp8-act-fp8/qwen3_vl_4b_instruct_autoquant_wfp8_afp8_lm_small/per-layer-sensitivity.md) | default | lm |",
    );
    expect((await workspace.build([readme])).ran).toEqual([]);
  });
});

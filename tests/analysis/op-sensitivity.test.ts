import { describe, expect, it } from "vitest";
import {
  opSensitivityMarkdown,
  readOpSensitivity,
} from "../../src/analysis/report/op-sensitivity.ts";
import { expectFailure, expectValue } from "./figures.ts";

/** The layout of the published list, with three ops. */
const published = {
  meta: {
    backend: "pytorch_fx",
    device: "cpu",
    strategy: "mse_v2",
    confidence_batches: 1,
    calib_samples: 3,
    calib_batch_size: 1,
    max_seq_len: 128,
  },
  fp32_fallback_sensitivity: [
    { op_name: "model.visual.patch_embed.proj", op_type: "Conv3d", mse: 239756304.0 },
    { op_name: "model.visual.blocks.0.attn.qkv.module", op_type: "Linear", mse: 5.2e-6 },
  ],
  int8_requant_sensitivity: [],
};

describe("ranked ops of Intel Neural Compressor", () => {
  it("are a table with six decimals and two digits of exponent, as published", () => {
    const read = expectValue(readOpSensitivity(JSON.stringify(published)));
    const text = opSensitivityMarkdown(read, "qwen", "ops.json");
    expect(text).toContain("- Calib samples: 3\n- Calib batch size: 1\n- Max seq len: 128\n");
    expect(text).toContain(
      "| 1 | `model.visual.patch_embed.proj` | `Conv3d` | 2.397563e+08 |\n" +
        "| 2 | `model.visual.blocks.0.attn.qkv.module` | `Linear` | 5.200000e-06 |\n",
    );
    expect(text).not.toContain("One op in INT8");
  });

  it("say what they were made with, nested settings included", () => {
    const meta = { ...published.meta, path: "loop", environment: { torch: "2.11.0" } };
    const one = {
      ...published,
      meta,
      int8_requant_sensitivity: published.fp32_fallback_sensitivity,
    };
    const text = opSensitivityMarkdown(
      expectValue(readOpSensitivity(JSON.stringify(one))),
      "qwen",
      "ops.json",
    );
    expect(text).toContain("- path: loop\n");
    expect(text).toContain("- environment.torch: 2.11.0\n");
    expect(text).toContain("## One op in INT8: squared distance of the logits");
  });

  it("that are something else are refused with the field", () => {
    expect(expectFailure(readOpSensitivity('{"meta": {}}')).where).toContain("fp32_fallback");
  });
});

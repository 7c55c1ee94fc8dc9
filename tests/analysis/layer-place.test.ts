import { describe, expect, it } from "vitest";
import { placeOf } from "../../src/analysis/groups/layer-place.ts";

describe("the place of a layer group", () => {
  it.each([
    ["model.layers.3.self_attn.qkv_proj", "language", "qkv", 3],
    ["model.layers.0.mlp.experts", "language", "experts", 0],
    ["model.vision_tower.encoder.layers.1.self_attn.k_proj", "vision", "k", 1],
    ["model.multi_modal_projector.linear_1", "vision", "multi modal projector 1", null],
    ["model.visual.blocks.2.attn.proj", "vision", "proj", 2],
    ["lm_head", "language", "lm_head", null],
  ] as const)("%s is in the %s tower, %s of block %s", (path, tower, kind, block) => {
    expect(placeOf(path, new Set([path, "model.layers.0.mlp.down_proj"]))).toEqual({
      tower,
      kind,
      block,
    });
  });
});

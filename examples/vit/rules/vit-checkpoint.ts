import { action, folder, from, local, pythonOp, type Input } from "aqm";
import { modelopt } from "aqm/rules/modelopt.ts";
import type { VitModel } from "./configs.ts";

const tinyVit = pythonOp("tiny_vit", modelopt);

/** The files of a Hugging Face folder that decide what a classifier computes. */
const MATTERS = ["*.json", "*.safetensors"];

/** A checkpoint that is placed, or a tiny one that is made here. */
export function vitCheckpoint({ checkpoint, source }: VitModel): Input {
  if ("placed" in source)
    return folder(checkpoint, {
      include: MATTERS,
      obtain: `get the checkpoint with: hf download ${source.placed} --local-dir ${checkpoint}`,
      expect: [
        {
          file: "config.json",
          at: ["model_type"],
          oneOf: ["vit"],
          otherwise: "place the checkpoint of a ViT for image classification",
        },
      ],
    });
  const made = action({
    op: tinyVit,
    params: { seed: source.tiny_seed },
    inputs: {},
    outputs: { checkpoint: local(checkpoint, "folder") },
  });
  return from(made, "checkpoint");
}

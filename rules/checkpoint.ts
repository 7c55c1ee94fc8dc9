import { action, configuration, folder, from, local, pythonOp, type Input } from "aqm";
import type { ModelConfig } from "./configs.ts";
import { modelopt } from "./modelopt.ts";

/** The files of a Hugging Face folder that decide what a model computes. */
const MATTERS = ["*.json", "*.safetensors", "*.jinja", "merges.txt", "vocab.txt"];

const tinyCheckpoint = pythonOp<{ family: string; seed: number }, never, "checkpoint">(
  "tiny_checkpoint",
  modelopt,
);

/** A model and its checkpoint: a folder that is already there, or a tiny one that is made. */
export function checkpoint(name: string): { readonly model: ModelConfig; readonly files: Input } {
  const model = configuration<ModelConfig>("model", name);
  if ("tiny_seed" in model.source) {
    const made = action({
      op: tinyCheckpoint,
      params: { family: model.family, seed: model.source.tiny_seed },
      inputs: {},
      outputs: { checkpoint: local(model.checkpoint, "folder") },
    });
    return { model, files: from(made, "checkpoint") };
  }
  const { hub, revision } = model.source;
  const obtain = `get it with: hf download ${hub} --revision ${revision} --local-dir ${model.checkpoint}`;
  return { model, files: folder(model.checkpoint, { include: MATTERS, obtain }) };
}

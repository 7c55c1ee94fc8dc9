import { action, configuration, folder, from, local, pythonOp, type Input } from "aqm";
import type { ModelConfig } from "./configs.ts";
import { data } from "./data.ts";
import { modelopt } from "./modelopt.ts";

/** The files of a Hugging Face folder that decide what a model computes. */
const MATTERS = ["*.json", "*.safetensors", "*.jinja", "merges.txt", "vocab.txt"];

const tinyCheckpoint = pythonOp("tiny_checkpoint", modelopt);
const hubCheckpoint = pythonOp("hub_checkpoint", data);

/** A model and its checkpoint: one that somebody placed, one that is fetched, or a tiny one. */
export function checkpoint(name: string): { readonly model: ModelConfig; readonly files: Input } {
  const model = configuration<ModelConfig>("model", name);
  const { source } = model;
  if ("placed" in source) {
    const pinned = source.revision === undefined ? "" : ` --revision ${source.revision}`;
    const obtain = `get it with: hf download ${source.placed}${pinned} --local-dir ${model.checkpoint}; or write hub instead of placed in conf/model/${name}.yaml, and aqm fetches it`;
    return { model, files: folder(model.checkpoint, { include: MATTERS, obtain }) };
  }
  if ("tiny_seed" in source) {
    const made = action({
      op: tinyCheckpoint,
      params: { family: model.family, seed: source.tiny_seed },
      inputs: {},
      outputs: { checkpoint: local(model.checkpoint, "folder") },
    });
    return { model, files: from(made, "checkpoint") };
  }
  const { hub, revision, endpoint = null } = source;
  // A place of its own: what somebody placed at `checkpoint` is neither replaced nor taken for it.
  const place = `${model.checkpoint}-${revision.slice(0, 12)}`;
  const made = action({
    op: hubCheckpoint,
    params: { hub, revision, endpoint, include: MATTERS },
    inputs: {},
    outputs: { checkpoint: local(place, "folder") },
  });
  return { model: { ...model, checkpoint: place }, files: from(made, "checkpoint") };
}

import {
  action,
  committed,
  configuration,
  folder,
  from,
  local,
  pythonOp,
  type Expectation,
  type Input,
  type PythonOps,
} from "aqm";
import type { ModelConfig } from "./configs.ts";
import { data } from "./data.ts";
import { modelopt } from "./modelopt.ts";
import { torch } from "./torch.ts";

/** The files of a Hugging Face folder that decide what a model computes. */
const MATTERS = ["*.json", "*.safetensors", "*.jinja", "merges.txt", "vocab.txt"];

/** Code that a checkpoint brings; taken only where it may run. */
const CODE = ["**/*.py"];

/** What `model_type` in config.json may be where a family has more than one: a mixture of experts, and its dense relative. */
const MODEL_TYPES: Readonly<Record<string, readonly string[]>> = {
  qwen3_vl: ["qwen3_vl", "qwen3_vl_moe"],
};

type TinyFamily = PythonOps["tiny_checkpoint"]["params"]["family"];

const tinyCheckpoint = pythonOp("tiny_checkpoint", modelopt);
const trainedCheckpoint = pythonOp("trained_checkpoint", torch);
const hubCheckpoint = pythonOp("hub_checkpoint", data);

/** A model and its checkpoint: one that is placed, one that is fetched, a tiny one, or a trained one. */
export function checkpoint(name: string): { readonly model: ModelConfig; readonly files: Input } {
  const model = configuration<ModelConfig>("model", name);
  const { source } = model;
  const trusted = model.trust_remote_code === true;
  const include = trusted ? [...MATTERS, ...CODE] : MATTERS;
  const expect = expectations(model);
  if ("placed" in source) {
    const pinned = source.revision === undefined ? "" : ` --revision ${source.revision}`;
    const obtain = `get it with: hf download ${source.placed}${pinned} --local-dir ${model.checkpoint}; or write hub instead of placed in conf/model/${name}.yaml, and aqm fetches it`;
    const alias = source.placed;
    return { model, files: folder(model.checkpoint, { include, obtain, alias, expect }) };
  }
  if ("tiny_seed" in source) {
    const made = action({
      op: tinyCheckpoint,
      // The op's declaration says which families it makes; the plan holds params against it.
      params: { family: model.family as TinyFamily, seed: source.tiny_seed },
      inputs: {},
      outputs: { checkpoint: local(model.checkpoint, "folder") },
    });
    return { model, files: from(made, "checkpoint") };
  }
  if ("trained" in source) {
    const made = action({
      op: trainedCheckpoint,
      params: { family: "qwen3_vl", ...source.trained }, // the schema allows no other one
      inputs: {},
      // Committed: training takes minutes, and on another kind of processor gives other weights.
      outputs: { checkpoint: committed(model.checkpoint, "folder") },
    });
    return { model, files: from(made, "checkpoint") };
  }
  const { hub, revision, endpoint = null } = source;
  // A place of its own: what somebody placed at `checkpoint` is neither replaced nor taken for it.
  const place = `${model.checkpoint}-${revision.slice(0, 12)}`;
  const made = action({
    op: hubCheckpoint,
    slurm: false, // it needs a network, which compute nodes often lack
    params: { hub, revision, endpoint, include },
    inputs: {},
    outputs: { checkpoint: local(place, "folder") },
  });
  return { model: { ...model, checkpoint: place }, files: { ...from(made, "checkpoint"), expect } };
}

/** What a person has to know before they let a checkpoint run its code. */
const codeAllowed = (name: string): string =>
  `aqm runs no code of a checkpoint, unless conf/model/${name}.yaml says trust_remote_code: true: then its *.py files run with all that you may do yourself (your files, credentials, network), so read them first`;

/**
 * What shows in the files of a checkpoint that was placed or fetched that it is none that can be scored, so that a
 * plan says so as soon as they are there. The ops look again, and at the weights.
 */
function expectations({
  name,
  family,
  images,
  trust_remote_code: trusted,
}: ModelConfig): readonly Expectation[] {
  const original =
    "place the checkpoint as it was before quantization, since scores of codes without their scales mean nothing";
  const config = "config.json";
  return [
    { file: "adapter_config.json", otherwise: "merge the adapter (peft: merge_and_unload) first" },
    ...(family === undefined
      ? []
      : [
          {
            file: config,
            at: ["model_type"],
            oneOf: MODEL_TYPES[family] ?? [family],
            otherwise: `correct family in conf/model/${name}.yaml, or place the checkpoint that it means`,
          },
        ]),
    ...(images === false
      ? [
          {
            file: config,
            at: ["vision_config"],
            otherwise: `say images: true in conf/model/${name}.yaml, since this model reads images`,
          },
        ]
      : []),
    ...["quantization_config", "compression_config"].map((key) => ({
      file: config,
      at: [key],
      otherwise: original,
    })),
    { file: config, at: ["text_config", "quantization_config"], otherwise: original },
    ...["hf_quant_config.json", "quantize_config.json", "quant_config.json"].map((file) => ({
      file,
      otherwise: original,
    })),
    ...(trusted === true ? [] : [{ file: config, at: ["auto_map"], otherwise: codeAllowed(name) }]),
  ];
}

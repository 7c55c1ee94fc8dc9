import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import {
  readCheckpointTensors,
  type CheckpointTensors,
} from "../../src/analysis/schemes/checkpoint-tensors.ts";
import type { SchemeModel } from "../../src/analysis/schemes/scheme-groups.ts";
import type { SchemeRequest } from "../../src/analysis/schemes/choose-scheme.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";
import { REPOSITORY } from "../engine/support/folder.ts";
import { pair } from "./configs.ts";
import { expectValue } from "./figures.ts";

export type Shapes = Readonly<Record<string, readonly number[]>>;

const WIDTHS = { F32: 4, BF16: 2 };

/** The document of a checkpoint all of whose tensors have one type. */
export function tensorsText(shapes: Shapes, dtype: "F32" | "BF16" = "BF16"): string {
  const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const elements = Object.values(shapes).reduce((sum, shape) => sum + count(shape), 0);
  const tensors = Object.entries(shapes).map(([name, shape]) => ({ name, dtype, shape }));
  return JSON.stringify({ schema: 1, bytes: elements * WIDTHS[dtype], tensors });
}

export const tensorsOf = (shapes: Shapes, dtype: "F32" | "BF16" = "BF16"): CheckpointTensors =>
  expectValue(readCheckpointTensors(tensorsText(shapes, dtype)));

/** What the header of the committed model's weights says. */
export function trainedShapes(): Shapes {
  const path = join(REPOSITORY, "models/qwen3_vl_trained/checkpoint/model.safetensors");
  const file = openSync(path, "r");
  const length = Buffer.alloc(8);
  readSync(file, length);
  const header = Buffer.alloc(Number(length.readBigUInt64LE()));
  readSync(file, header, 0, header.length, 8);
  closeSync(file);
  const entries = Object.entries(
    JSON.parse(header.toString()) as Record<string, { readonly shape: readonly number[] }>,
  );
  return Object.fromEntries(
    entries.flatMap(([name, { shape }]) => (name === "__metadata__" ? [] : [[name, shape]])),
  );
}

/** Layers of a made-up model, each with the score that each pair has. */
export type Layers = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly scores: readonly number[] }>
>;

/** A convolution, three layers of which one has columns that no block divides, and an output layer. */
export const FOUR: Layers = {
  "model.visual.patch_embed.proj": { shape: [8, 3, 2, 2, 2], scores: [0.001, 0.0001] },
  "model.language_model.layers.0.mlp.down_proj": { shape: [8, 256], scores: [3, 2] },
  "model.language_model.layers.1.mlp.down_proj": { shape: [8, 200], scores: [1, 0.5] },
  "model.language_model.layers.2.mlp.down_proj": { shape: [8, 128], scores: [2, 1] },
  lm_head: { shape: [10, 8], scores: [0.01, 0.005] },
};

/** Bits that plans count a weight with. */
const STORED: Readonly<Record<string, number>> = {
  wint4_afp16: 4.25,
  wint8_afp16: 8,
  wint8_aint8: 8,
  wfp8_afp8: 8,
};

/** A model of these layers and an embedding, and the problem of choosing among these pairs. */
export function schemeOf(
  layers: Layers,
  pairs: readonly string[],
  exports: SchemeModel["exports"] = ["compressed_tensors"],
): { readonly problem: BitProblem; readonly model: SchemeModel } {
  const shapes = Object.entries(layers).map(([name, { shape }]) => [`${name}.weight`, shape]);
  const groups = Object.entries(layers).map(([name, { shape, scores }]) => {
    const weights = shape.reduce((a, b) => a * b, 1);
    const candidates = [...pairs, "NONE"].map((format, p) => {
      const bits = STORED[format] ?? 16;
      return { format, bits, cost: (weights * bits) / 16, score: scores[p] ?? 0 };
    });
    return { name, modules: [name], weights, candidates };
  });
  return {
    problem: { groups },
    model: {
      tensors: tensorsOf({
        "model.embed_tokens.weight": [10, 8],
        ...(Object.fromEntries(shapes) as Shapes),
      }),
      candidates: pairs.map((name) => ({ name, quantizers: pair(name).quantizers })),
      exports,
    },
  };
}

export const request = (
  choice: SchemeRequest["choice"],
  more: Partial<SchemeRequest> = {},
): SchemeRequest => ({
  name: "a_scheme",
  model: "a_model",
  scope: "all_layers",
  size: "large",
  engine: "modelopt",
  lmHead: false,
  choice,
  ...more,
});

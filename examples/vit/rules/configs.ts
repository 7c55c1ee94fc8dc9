import type { PythonOps } from "aqm";
import type { AnalysedModel } from "aqm/rules/configs.ts";

/** Shapes of this workspace's own configs, as their schemas say. */

export interface VitModel extends AnalysedModel {
  readonly family: "vit";
  readonly source: { readonly placed: string } | { readonly tiny_seed: number };
}

type Params = PythonOps["vit_scores"]["params"];

export interface VitScoring extends Pick<
  Params,
  "method" | "score_size" | "batch_size" | "attention"
> {
  readonly name: string;
  readonly effective_bits: number;
}

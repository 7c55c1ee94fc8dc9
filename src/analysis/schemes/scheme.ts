/** How layers get their formats: one of six ways. */
export type SchemeChoice =
  /** Per cent of the layer groups, the least sensitive first; the opposite order if it says so. */
  | { readonly top_percent: number; readonly most_sensitive?: true }
  /** Bits a weight as stored, on average over the layers that may be quantized. */
  | { readonly bits: number }
  /** Of all tensors of the checkpoint, in 10^9 bytes. */
  | { readonly gigabytes: number }
  /** Name of a bit plan: its candidates, budget, rules and families. */
  | { readonly bit_plan: string }
  /** One quant pair for every layer of the scope. */
  | { readonly everywhere: string }
  /** A config of ModelOpt with a calibration of its own. */
  | { readonly recipe: string };

/** In which order `top_percent` takes groups. */
export const RANKINGS = ["least sensitive first", "most sensitive first"] as const;
/** Null where nothing is ranked. */
export type Ranking = (typeof RANKINGS)[number] | null;

/** Formats of checkpoints that are written. */
export const EXPORT_FORMATS = ["modelopt", "compressed_tensors"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** A chosen scheme, before it is measured or exported. */
export interface Scheme {
  readonly name: string;
  readonly model: string;
  readonly scope: "lm" | "all_layers";
  /** Calibration subset. */
  readonly size: string;
  /** What measured the scores; null where the choice needs none. */
  readonly engine: string | null;
  /** Quant pairs, or the recipe, in the order in which ties are decided. */
  readonly candidates: readonly string[];
  readonly choice: SchemeChoice;
  readonly ranking: Ranking;
  readonly achieved: Achieved;
  /** Predicted sizes by export format. */
  readonly exports: readonly { readonly format: ExportFormat; readonly bytes: number }[];
  /** What was no candidate for a group, or no group to be quantized at all, and why. */
  readonly dropped: readonly Dropped[];
  /** Every layer group of the model that is known, in its module order; kept ones as `NONE`. */
  readonly layers: readonly SchemeLayer[];
}

export interface Achieved {
  /** Average bits a weight as stored, over the layers that may be quantized. */
  readonly bits: number;
  /** 8 x `bytes` / elements of all tensors of the original checkpoint. */
  readonly whole_bits: number;
  /** Predicted size of all tensors, in the largest of the export formats. */
  readonly bytes: number;
  /** Sum of the chosen groups' scores; null where there are no scores. */
  readonly score: number | null;
  readonly quantized_groups: number;
  /** Groups that may be quantized: those that a share is a share of. */
  readonly groups: number;
}

export interface Dropped {
  readonly group: string;
  readonly candidate: string;
  readonly because: string;
}

export interface SchemeLayer {
  /** Module path of the group's first member. */
  readonly group: string;
  readonly modules: readonly string[];
  /** A candidate, or `NONE`. */
  readonly format: string;
}

import type { PythonOps } from "aqm";
import "./python-ops.ts"; // types alone: the params of each op
import type {
  BitCount,
  Budget,
  ExportFormat,
  FamilyBudget,
  Granularity,
  LayerRule,
  PairQuantizers,
  PlanSearch,
  SchemeChoice,
  ScoreUnit,
  SearchStart,
} from "aqm/analysis";

/** Shapes of the configs in conf/, as their schemas say. */

/** What analyses and plans know of a model, which may be of any kind. */
export interface AnalysedModel {
  readonly name: string;
  /** As config.json calls it, `model_type`; it is compared where it is given. */
  readonly family?: string;
  /** Whether the model reads images besides text: true if not given. */
  readonly images?: boolean;
  readonly checkpoint: string;
  readonly dtype: "bfloat16" | "float32";
  readonly device: "cpu" | "cuda";
  /** GPUs that the layers are shared out among while the model is scored and measured; 1 if not given. */
  readonly gpus?: number;
  /** Whether Python code of the checkpoint may run: only where a person wrote so. */
  readonly trust_remote_code?: true;
  readonly source: object;
}

/** GPUs of a job that scores or measures a model. How layers are shared out is in no key: bits stay. */
export const gpusOf = ({ device, gpus = 1 }: Pick<AnalysedModel, "device" | "gpus">): number =>
  device === "cuda" ? gpus : 0;

/** GPUs of a job whose engine keeps a model whole. */
export const oneGpu = ({ device }: Pick<AnalysedModel, "device">): number => gpusOf({ device });

/** The param of every op that may run code of a checkpoint; absent where it may not, so that keys stay. */
export const trust = ({ trust_remote_code: trusted }: AnalysedModel) =>
  trusted === true ? ({ trust_remote_code: true } as const) : {};

export interface ModelConfig extends AnalysedModel {
  readonly source:
    | { readonly placed: string; readonly revision?: string }
    | { readonly hub: string; readonly revision: string; readonly endpoint?: string }
    | { readonly tiny_seed: number }
    | {
        readonly trained: {
          readonly seed: number;
          readonly steps: number;
          readonly batch_size: number;
          readonly learning_rate: number;
        };
      };
}

export const SIZES = ["small", "medium", "large"] as const;
export type Size = (typeof SIZES)[number];

export const HELD_OUT_PARTS = ["search", "confirm", "report"] as const;
export type HeldOutPart = (typeof HELD_OUT_PARTS)[number];

/** Annotations and images in COCO's layout: placed, fetched, or made. */
export type CocoConfig =
  | { readonly folder: string }
  | {
      readonly url: string;
      readonly into: string;
      readonly archive?: {
        readonly path: string;
        readonly sha256?: string;
        readonly size?: number;
      };
    }
  | {
      readonly synthetic: {
        readonly train_images: number;
        readonly val_images: number;
        readonly captions_per_image: number;
        readonly seed: number;
      };
      readonly into: string;
    };

/** The field of a record that has the text; `text` if neither is given. */
interface Content {
  readonly field?: string;
  /** The field that has the messages of a chat. */
  readonly messages?: string;
}

/** Data that samples are drawn from by their content: docs/data.md. A path with a slash at its end is a folder. */
export type DrawnSource =
  | { readonly lines: string }
  | ({ readonly json_lines: string } & Content)
  | ({ readonly parquet: string } & Content)
  | ({ readonly hugging_face: string; readonly split?: string } & Content)
  | { readonly image_text: string; readonly field?: string };

export interface DatasetConfig {
  readonly name: string;
  readonly source: CocoConfig | DrawnSource;
  /** Of drawn data: a text is a row of a batch, or texts are packed into rows; `one` if not given. */
  readonly rows?: "one" | "packed";
  /** Of drawn data but lines: what a row without text is; `refuse` if not given. */
  readonly empty_rows?: "refuse" | "skip";
  /** Of COCO's layout. */
  readonly recorded_root?: string;
  readonly calibration: string;
  readonly full_samples: number;
  readonly seed: number;
  readonly sizes: Readonly<Record<Size, number>>;
  readonly calib_seq_len: number;
  /** Images that calibration has not seen, on which plans are judged. */
  readonly held_out: {
    readonly seed: number;
    /** Images of a set, each with one caption. */
    readonly sizes: Readonly<Record<HeldOutPart, number>>;
    /** Fewer counted tokens than this are too few to judge a plan by. */
    readonly least_tokens: number;
  };
  /** The first rows of the full sample: what the original evaluated on, though its calibration had seen them. */
  readonly evaluation?: { readonly rows: number };
}

/** What models are asked where schemes are evaluated. */
export interface PromptsConfig {
  readonly name: string;
  /** Prompts of text alone. */
  readonly texts: readonly string[];
  /** Asked of each of the first images of the held-out set that figures are published on. */
  readonly image_text: string;
  readonly images: number;
  readonly max_new_tokens: number;
}

export const SCOPES = ["lm", "all_layers"] as const;
export type Scope = (typeof SCOPES)[number];

/** The scopes that a model has: one of text alone has `lm`, which has all its layers. */
export const scopesOf = ({ images = true }: Pick<AnalysedModel, "images">): readonly Scope[] =>
  images ? SCOPES : ["lm"];

/** Why a model has no such scope, or null. */
export const scopeLacking = (
  { name, images = true }: Pick<AnalysedModel, "name" | "images">,
  scope: Scope,
): string | null =>
  images || scope === "lm"
    ? null
    : `${name} reads no images (images: false in conf/model/${name}.yaml), so that it has the scope lm alone`;

export interface QuantPairConfig {
  readonly name: string;
  /** In the path: `nvfp4` and `mxfp4` are different folders. */
  readonly weight: string;
  readonly activation: string;
  readonly format_name: string;
  readonly experimental: boolean;
  readonly algorithm: "max" | null;
  readonly quantizers: PairQuantizers;
}

export type GranularityConfig = Granularity;

export interface AutoquantConfig {
  readonly name: string;
  readonly method: PythonOps["sensitivity_scores"]["params"]["method"];
  readonly effective_bits: number;
  readonly score_size: number;
  readonly batch_size: Readonly<Record<Scope, number>>;
  readonly padding: "max_length" | "longest";
  readonly loss: "batch_mean" | "sample_sum";
  readonly include_lm_head: boolean;
  readonly attention: "deterministic";
}

export interface WeightErrorConfig {
  readonly name: string;
  readonly effective_bits: number;
  readonly batch_size: Readonly<Record<Scope, number>>;
  readonly padding: "max_length" | "longest";
  readonly include_lm_head: boolean;
  readonly attention: "deterministic";
}

export interface IncConfig {
  readonly name: string;
  readonly method: PythonOps["inc_scores"]["params"]["method"];
  readonly path: PythonOps["inc_scores"]["params"]["path"];
  readonly effective_bits: number;
  readonly score_size: number;
  readonly confidence_batches: number | null;
  readonly max_ops: number | null;
  readonly trace_iterations: number;
  readonly seed: number;
  readonly batch_size: Readonly<Record<Scope, number>>;
  readonly padding: "max_length" | "longest";
  readonly include_lm_head: boolean;
  readonly attention: "deterministic";
}

export interface AutoroundConfig {
  readonly name: string;
  readonly method: PythonOps["autoround_scores"]["params"]["method"];
  readonly effective_bits: number;
  readonly score_size: number;
  /** How checkpoints are tuned; of no influence on scores. */
  readonly tuning: { readonly iters: number; readonly seed: number; readonly samples: number };
  readonly batch_size: Readonly<Record<Scope, number>>;
  readonly padding: "max_length" | "longest";
  readonly include_lm_head: boolean;
  readonly attention: "deterministic";
}

export const ENGINE_NAMES = ["modelopt", "weight_error", "inc", "autoround"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface EngineComparisonConfig {
  readonly name: string;
  /** Names of pairs, in the order in which ties are decided. */
  readonly candidates: readonly string[];
  /** Of each engine the pairs that it scores in the place of the candidates, in their order. */
  readonly engines: Readonly<Partial<Record<EngineName, readonly string[]>>>;
  /** Draws of calibration data, the subset that all analyses use included. */
  readonly draws: number;
  readonly budgets: readonly number[];
  readonly random_plans: number;
  readonly seed: number;
  readonly held_out: HeldOutPart;
  readonly batch_size: Readonly<Record<Scope, number>>;
  readonly proven: number;
  readonly resamples: number;
}

export interface OutputLayoutConfig {
  readonly name: string;
  readonly root: string;
}

export interface BitPlanConfig {
  readonly name: string;
  /** Names of pairs, in the order in which ties are decided. */
  readonly candidates: readonly string[];
  readonly bits_counted: BitCount;
  /** `exact` if not given. */
  readonly search?: PlanSearch;
  /** `raw` if not given. */
  readonly scores?: ScoreUnit;
  readonly budget: Budget;
  readonly rules: readonly LayerRule[];
  readonly families: readonly FamilyBudget[];
}

export interface QualityConfig {
  readonly name: string;
  /** Names of pairs, in the order in which ties are decided. */
  readonly candidates: readonly string[];
  /** Average bits a weight, as stored, over the layers that may be quantized. */
  readonly budgets: readonly number[];
  readonly random_plans: number;
  readonly seed: number;
  readonly held_out: HeldOutPart;
  readonly batch_size: Readonly<Record<Scope, number>>;
  readonly proven: number;
  readonly resamples: number;
}

export interface SchemeConfig {
  readonly name: string;
  /** Below `quantized/`; its name if not given. */
  readonly folder?: string;
  readonly scope: Scope;
  /** Its scores decide, and its input ranges are exported. */
  readonly size: Size;
  /** What measured the scores. */
  readonly engine: EngineName;
  /** Names of pairs, in the order in which ties are decided; absent where the choice names its formats. */
  readonly candidates?: readonly string[];
  /** Whether the output layer may be quantized. */
  readonly lm_head: boolean;
  readonly choice: SchemeChoice;
  /** Where plans are measured and changed; always with a goal. */
  readonly search?: {
    /** Most measurements, of one plan on one held-out set each. */
    readonly measurements: number;
    readonly starts: readonly SearchStart[];
    readonly seed: number;
  };
  readonly exports: readonly ExportFormat[];
  readonly controls: {
    readonly random_plans: number;
    readonly seed: number;
    readonly proven: number;
    readonly resamples: number;
    readonly held_out: HeldOutPart;
    readonly batch_size: Readonly<Record<Scope, number>>;
  };
}

/** Schemes that are shown together, in this order. */
export interface SchemeReportConfig {
  readonly name: string;
  readonly title: string;
  readonly schemes: readonly string[];
  /** Of serving checks, as their files are called. */
  readonly devices: readonly string[];
}

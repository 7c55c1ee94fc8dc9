/** Where vLLM was asked: without a GPU, or on an invented one of a compute capability. */
export const SERVED_DEVICES = {
  cpu: null,
  sm80: 8,
  sm89: 8.9,
  sm90: 9,
  sm100: 10,
} as const;

export type ServedDevice = keyof typeof SERVED_DEVICES;

/** How a checkpoint is written. */
export type ExportedAs = "modelopt" | "compressed_tensors";

export interface ServedAnswer {
  /** `loads strictly (not run)`, `rejected`, or `not checked` where the device has no kernel. */
  readonly status: string;
  /** The level that rejected it (docs/serving.md). */
  readonly level: number | null;
  readonly reason: string | null;
}

/** What vLLM said of one form of weights and activations in one export format. */
export interface ServedForm {
  readonly exported: ExportedAs;
  /** As `described` says them. */
  readonly weights: string;
  readonly activations: string;
  /** ModelOpt's `quant_algo`; null for compressed-tensors, which describes instead of naming. */
  readonly label: string | null;
  /** A pair of conf/quant_pair that has it, perhaps with a granularity. */
  readonly pair: string;
  /** `exported` by aqm's op, written `by the library alone`, or `not run: …`. */
  readonly obtained: string;
  /** Null where it was not run. */
  readonly devices: Readonly<Record<ServedDevice, ServedAnswer>> | null;
}

export interface ServedForms {
  /** vLLM's version. */
  readonly vllm: string;
  readonly model: string;
  readonly forms: readonly ServedForm[];
}

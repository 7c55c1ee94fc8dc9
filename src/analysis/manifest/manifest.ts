import type { PyObject } from "../python-json/value.ts";

/** A quantization manifest: its JSON as it is, and the parts that reports and searches need. */
export interface Manifest {
  /** The whole document with literals and key order kept; `writePythonJson` gives its bytes. */
  readonly json: PyObject;
  readonly schemeName: string;
  /** Bits per weight over the whole model, that is after adjustment for layers kept at 16. */
  readonly budgetBits: number;
  /** What measured the scores. */
  readonly engine: string;
  readonly method: string;
  /** Absent in the oldest manifests. */
  readonly modelId: string | undefined;
  /** What the search found. */
  readonly search: SearchResult;
  /** In the model's module order. */
  readonly layers: readonly LayerSensitivity[];
  /** What aqm's own manifests add. */
  readonly measured: MeasuredBasis | undefined;
}

export interface SearchResult {
  readonly effectiveBits: number;
  /** Sum of the chosen scores. */
  readonly score: number;
  readonly satisfied: boolean;
}

export interface LayerSensitivity {
  /** Module path of the group's first member. */
  readonly name: string;
  /** As listed: quantized formats first, NONE last. */
  readonly candidates: readonly SensitivityCandidate[];
}

export interface SensitivityCandidate {
  /** Name without the bits, for example FP8_DEFAULT_CFG or NONE. */
  readonly format: string;
  readonly bits: number;
  readonly score: number;
  /** fp16-equivalent weight elements. */
  readonly cost: number;
}

/** What the score sums run over. */
export interface MeasuredBasis {
  readonly samples: number;
  readonly batches: number;
  readonly tokens: number;
}

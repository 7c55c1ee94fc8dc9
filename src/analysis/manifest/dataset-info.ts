import { pyObject, type PyObject } from "../python-json/value.ts";
import type { Measured } from "../scores/scores.ts";

/** The calibration data as a manifest names it. Paths are written as given. */
export interface DatasetInfo {
  readonly name: string;
  readonly size: string;
  readonly root: string | null;
  readonly source: CalibrationSource;
  /** How many samples were asked for; `null` when there was no limit. */
  readonly maxCalibSamples: number | null;
}

export type CalibrationSource =
  | { readonly kind: "captions"; readonly path: string }
  | { readonly kind: "vlm_calib_db"; readonly path: string };

/**
 * The `dataset` object: what was asked for, and what was really used according
 * to the scores. As in the published manifests, nulls are dropped.
 */
export function datasetObject(info: DatasetInfo, measured: Measured): PyObject {
  const { kind, path } = info.source;
  return pyObject([
    ["name", info.name],
    ["size", info.size],
    ["root", info.root ?? undefined],
    [kind === "captions" ? "captions_path" : "vlm_calib_db", path],
    ["max_calib_samples", info.maxCalibSamples ?? undefined],
    ["num_calib_samples", measured.calibrationSamples ?? undefined],
    ["calib_seq_len", measured.sequenceLength ?? undefined],
    ["batch_size", measured.batchSize ?? undefined],
    ["num_calib_batches", measured.calibrationBatches ?? undefined],
  ]);
}

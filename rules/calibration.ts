import { action, committed, configuration, from, pythonOp } from "aqm";
import { cocoSource } from "./coco-source.ts";
import {
  HELD_OUT_PARTS,
  SIZES,
  type CocoConfig,
  type DatasetConfig,
  type HeldOutPart,
  type Size,
} from "./configs.ts";
import { data } from "./data.ts";
import { drawnData } from "./drawn-data.ts";
import type { Calibration, CalibrationSubset, Samples } from "./samples.ts";

export type { Calibration, CalibrationSubset, Samples } from "./samples.ts";

const calibrationSample = pythonOp("calibration_sample", data);
const calibrationSubset = pythonOp("calibration_subset", data);
const heldOutSample = pythonOp("held_out_sample", data);

/** The calibration and held-out samples of a data set. */
export function calibration(name: string): Calibration {
  const dataset = configuration<DatasetConfig>("dataset", name);
  const { source } = dataset;
  return "folder" in source || "url" in source || "synthetic" in source
    ? cocoData(dataset, source)
    : drawnData(dataset, source);
}

/** COCO annotations → one full sample → its first rows as small, medium and large subsets; the other images → held-out sets. */
function cocoData(dataset: DatasetConfig, config: CocoConfig): Calibration {
  // The schema asks for recorded_root where the data is COCO's.
  const { calibration: place, full_samples, seed, recorded_root = "", held_out } = dataset;
  const source = cocoSource(config);
  const full = action({
    op: calibrationSample,
    params: { samples: full_samples, seed, coco_root_relative: recorded_root },
    inputs: { annotations_train: source.train, annotations_val: source.val },
    outputs: {
      captions: committed(`${place}/coco2017_captions.txt`),
      database: committed(`${place}/coco2017_vlm_calib.db`),
    },
  });
  const firstRows = (samples: number, name: string, file: string): Samples => {
    const made = action({
      op: calibrationSubset,
      params: { samples },
      inputs: { database: from(full, "database") },
      outputs: {
        captions: committed(`${place}/coco2017_captions_${name}.txt`),
        database: committed(`${place}/coco2017_vlm_${file}.db`),
      },
    });
    const database = from(made, "database");
    const captions = from(made, "captions");
    return { samples, captions, database, images: source.images(name, database) };
  };
  const subset = (size: Size): CalibrationSubset => ({
    size,
    ...firstRows(dataset.sizes[size], size, `calib_${size}`),
  });
  const rows = dataset.evaluation?.rows;
  const evaluation = rows === undefined ? null : firstRows(rows, `eval_${rows}`, `eval_${rows}`);
  const heldOut = (part: HeldOutPart): Samples => {
    const samples = held_out.sizes[part];
    const made = action({
      op: heldOutSample,
      params: { part, samples, seed: held_out.seed, coco_root_relative: recorded_root },
      inputs: {
        annotations_train: source.train,
        annotations_val: source.val,
        calibration: from(full, "database"),
      },
      outputs: {
        captions: committed(`${place}/held_out_${part}.txt`),
        database: committed(`${place}/held_out_${part}.db`),
      },
    });
    const database = from(made, "database");
    const captions = from(made, "captions");
    return { samples, captions, database, images: source.images(`held_out_${part}`, database) };
  };
  const [small, medium, large] = SIZES;
  const [search, confirm, report] = HELD_OUT_PARTS;
  const sets = { search: heldOut(search), confirm: heldOut(confirm), report: heldOut(report) };
  return {
    dataset,
    sample: from(full, "database"),
    subsets: { small: subset(small), medium: subset(medium), large: subset(large) },
    heldOut: sets,
    evaluation,
    declared: [...Object.values(sets), ...(evaluation === null ? [] : [evaluation])].map(
      ({ database, images }) => [database.producer ?? [], images?.producer ?? []],
    ),
  };
}

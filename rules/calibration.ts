import { action, committed, configuration, from, pythonOp, type Input } from "aqm";
import { cocoSource } from "./coco-source.ts";
import { SIZES, type DatasetConfig, type Size } from "./configs.ts";
import { data } from "./data.ts";

/** Calibration data of one size: image-text pairs, and their captions alone. */
export interface CalibrationSubset {
  readonly size: Size;
  readonly samples: number;
  readonly database: Input;
  readonly captions: Input;
  readonly images: Input;
}

export interface Calibration {
  readonly dataset: DatasetConfig;
  readonly subsets: Readonly<Record<Size, CalibrationSubset>>;
}

const calibrationSample = pythonOp("calibration_sample", data);
const calibrationSubset = pythonOp("calibration_subset", data);

/** COCO annotations → one full sample → its first rows as small, medium and large subsets. */
export function calibration(name: string): Calibration {
  const dataset = configuration<DatasetConfig>("dataset", name);
  const { calibration: place, full_samples, seed, recorded_root } = dataset;
  const source = cocoSource(dataset.source);
  const full = action({
    op: calibrationSample,
    params: { samples: full_samples, seed, coco_root_relative: recorded_root },
    inputs: { annotations_train: source.train, annotations_val: source.val },
    outputs: {
      captions: committed(`${place}/coco2017_captions.txt`),
      database: committed(`${place}/coco2017_vlm_calib.db`),
    },
  });
  const subset = (size: Size): CalibrationSubset => {
    const samples = dataset.sizes[size];
    const made = action({
      op: calibrationSubset,
      params: { samples },
      inputs: { database: from(full, "database") },
      outputs: {
        captions: committed(`${place}/coco2017_captions_${size}.txt`),
        database: committed(`${place}/coco2017_vlm_calib_${size}.db`),
      },
    });
    const database = from(made, "database");
    const captions = from(made, "captions");
    return { size, samples, captions, database, images: source.images(size, database) };
  };
  const [small, medium, large] = SIZES;
  return {
    dataset,
    subsets: { small: subset(small), medium: subset(medium), large: subset(large) },
  };
}

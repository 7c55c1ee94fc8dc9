import type { Declared, Input } from "aqm";
import type { DatasetConfig, HeldOutPart, Scope, Size } from "./configs.ts";

/** Image-text pairs and their texts, or texts alone. */
export interface Samples {
  readonly samples: number;
  readonly database: Input;
  /** What the scope lm is scored on: COCO's captions as text; of other data the database itself. */
  readonly captions: Input;
  /** Null where the data has none. */
  readonly images: Input | null;
}

export interface CalibrationSubset extends Samples {
  readonly size: Size;
}

export interface Calibration {
  readonly dataset: DatasetConfig;
  /** The full sample that all subsets are the first rows of, with its texts and the paths of its images. */
  readonly sample: Input;
  readonly subsets: Readonly<Record<Size, CalibrationSubset>>;
  /** Sets that share no image and no text with each other or with any subset. */
  readonly heldOut: Readonly<Record<HeldOutPart, Samples>>;
  /** The original's evaluation set: rows of `sample`, so that all figures on it are leaked; null where there is none. */
  readonly evaluation: Samples | null;
  /** The held-out sets, the evaluation set and their images, so that they are targets before anything is measured. */
  readonly declared: Declared;
}

/** Why nothing of a scope can be made with the data; null where it can. */
export const lacksImages = (
  { dataset, subsets }: Pick<Calibration, "dataset" | "subsets">,
  scope: Scope,
): string | null =>
  scope === "lm" || subsets.small.images !== null
    ? null
    : `the data ${dataset.name} has no images, which the scope ${scope} takes`;

/** The images of samples. A rule asks `lacksImages` first. */
export function imagesOf({ images, database }: Samples): Input {
  if (images === null) throw new Error(`${database.path} has no images`);
  return images;
}

import {
  action,
  committed,
  configuration,
  file,
  folder,
  from,
  local,
  pythonOp,
  type DeclaredAction,
  type Input,
} from "aqm";
import { SIZES, type DatasetConfig, type Size } from "./configs.ts";
import { modelopt } from "./modelopt.ts";

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

type SyntheticParams = NonNullable<DatasetConfig["synthetic"]>;
const syntheticCoco = pythonOp<
  SyntheticParams,
  never,
  "annotations_train" | "annotations_val" | "images"
>("synthetic_coco", modelopt);

interface SubsetParams {
  readonly full_samples: number;
  readonly samples: number;
  readonly seed: number;
  readonly coco_root_relative: string;
}
const calibrationSubset = pythonOp<
  SubsetParams,
  "annotations_train" | "annotations_val",
  "database" | "captions"
>("calibration_subset", modelopt);

/** COCO annotations → one full sample → its first rows as small, medium and large subsets. */
export function calibration(name: string): Calibration {
  const dataset = configuration<DatasetConfig>("dataset", name);
  const source =
    dataset.synthetic === undefined ? existing(dataset) : synthetic(dataset, dataset.synthetic);
  const subset = (size: Size): CalibrationSubset => {
    const samples = dataset.sizes[size];
    const made: DeclaredAction<"database" | "captions"> = action({
      op: calibrationSubset,
      params: {
        full_samples: dataset.full_samples,
        samples,
        seed: dataset.seed,
        coco_root_relative: relativePath(dataset.calibration, dataset.images),
      },
      inputs: { annotations_train: source.train, annotations_val: source.val },
      outputs: {
        captions: committed(`${dataset.calibration}/coco2017_captions_${size}.txt`),
        database: committed(`${dataset.calibration}/coco2017_vlm_calib_${size}.db`),
      },
    });
    return {
      size,
      samples,
      captions: from(made, "captions"),
      database: from(made, "database"),
      images: source.images,
    };
  };
  const [small, medium, large] = SIZES;
  return {
    dataset,
    subsets: { small: subset(small), medium: subset(medium), large: subset(large) },
  };
}

interface Source {
  readonly train: Input;
  readonly val: Input;
  readonly images: Input;
}

function existing({ annotations, images }: DatasetConfig): Source {
  const obtain =
    "get the COCO 2017 annotations and images (cocodataset.org, Download) and unpack them there";
  return {
    train: file(annotations.train, { obtain }),
    val: file(annotations.val, { obtain }),
    images: folder(images, { include: ["train2017/*.jpg", "val2017/*.jpg"], obtain }),
  };
}

function synthetic({ annotations, images }: DatasetConfig, params: SyntheticParams): Source {
  const made = action({
    op: syntheticCoco,
    params,
    inputs: {},
    outputs: {
      annotations_train: local(annotations.train),
      annotations_val: local(annotations.val),
      images: local(images, "folder"),
    },
  });
  return {
    train: from(made, "annotations_train"),
    val: from(made, "annotations_val"),
    images: from(made, "images"),
  };
}

/** `../coco2017/source-data`: where the images are, seen from the database. */
function relativePath(fromFolder: string, to: string): string {
  const start = fromFolder.split("/");
  const end = to.split("/");
  let common = 0;
  while (common < start.length && start[common] === end[common]) common++;
  return [...start.slice(common).map(() => ".."), ...end.slice(common)].join("/");
}

import { action, file, folder, from, local, pythonOp, type Input } from "aqm";
import type { CocoConfig } from "./configs.ts";
import { data } from "./data.ts";
import { modelopt } from "./modelopt.ts";

/** Where the annotations and the images of a data set come from. */
export interface CocoSource {
  readonly train: Input;
  readonly val: Input;
  /** Images that hold at least those which a database names; `name` tells apart what is fetched. */
  readonly images: (name: string, database: Input) => Input;
}

type Fetched = Extract<CocoConfig, { url: string }>;
type Synthetic = Extract<CocoConfig, { synthetic: object }>;

const cocoAnnotations = pythonOp("coco_annotations", data);
const cocoImages = pythonOp("coco_images", data);
const syntheticCoco = pythonOp("synthetic_coco", modelopt);

export function cocoSource(source: CocoConfig): CocoSource {
  if ("folder" in source) return placed(source.folder);
  return "url" in source ? fetched(source) : synthetic(source);
}

const annotationPath = (root: string, split: "train" | "val"): string =>
  `${root}/annotations/captions_${split}2017.json`;

/** Files that somebody put there: sources, so that aqm neither fetches nor writes them. */
function placed(root: string): CocoSource {
  const obtain =
    "get the COCO 2017 annotations and images (cocodataset.org, Download) and unpack them there; or have aqm get what it needs: its config in conf/dataset says how";
  const images = folder(root, { include: ["train2017/*.jpg", "val2017/*.jpg"], obtain });
  return {
    train: file(annotationPath(root, "train"), { obtain }),
    val: file(annotationPath(root, "val"), { obtain }),
    images: () => images,
  };
}

/**
 * In a folder of its own, so that files of others are not in the way. Each subset has its own images, since
 * the small one should not wait for the large one's; what they share is fetched once all the same.
 */
function fetched({ url, into, archive }: Fetched): CocoSource {
  const annotations = action({
    op: cocoAnnotations,
    slurm: false, // it needs a network, which compute nodes often lack
    params: { source: url, archive: archive ?? null },
    inputs: {},
    outputs: {
      annotations_train: local(annotationPath(into, "train")),
      annotations_val: local(annotationPath(into, "val")),
    },
  });
  return {
    train: from(annotations, "annotations_train"),
    val: from(annotations, "annotations_val"),
    images: (name, database) => {
      const images = action({
        op: cocoImages,
        slurm: false, // it needs a network, which compute nodes often lack
        params: { source: url },
        inputs: { database },
        outputs: { images: local(`${into}/images_${name}`, "folder") },
      });
      return from(images, "images");
    },
  };
}

function synthetic({ synthetic: params, into }: Synthetic): CocoSource {
  const made = action({
    op: syntheticCoco,
    params,
    inputs: {},
    outputs: {
      annotations_train: local(annotationPath(into, "train")),
      annotations_val: local(annotationPath(into, "val")),
      images: local(`${into}/images`, "folder"),
    },
  });
  const images = from(made, "images");
  return {
    train: from(made, "annotations_train"),
    val: from(made, "annotations_val"),
    images: () => images,
  };
}

import { err, ok, type Failure, type Result, type StarterCall } from "aqm";
import { configName, lastOf, placed, type StartedPart } from "./part.ts";

const SPLITS = ["captions_train2017.json", "captions_val2017.json"] as const;
/** Samples that comparisons with published results take: fewer where there are fewer. */
const MOST = { full: 4096, small: 16, medium: 128, large: 512, heldOut: 1024 } as const;

/** The data that `--data` names: a folder in COCO's layout; without one, samples that a rule makes. */
export function startData(call: StarterCall): Result<StartedPart, Failure> {
  const folder = (call.answers["data"] ?? "").trim();
  if (folder === "") {
    const note =
      "Scores are taken on made samples (synthetic_coco), which show that all works; name your own with --data.";
    return ok({ name: "synthetic_coco", files: [], links: [], notes: [note] });
  }
  const annotations = call.names(`${folder}/annotations`) ?? [];
  const missing = SPLITS.filter((name) => !annotations.includes(name));
  if (missing.length > 0) return err(notInLayout(call, folder, missing));
  const images = SPLITS.map((name) => imagesOf(call.read(`${folder}/annotations/${name}`) ?? ""));
  const count = images.reduce((sum, one) => sum + one, 0);
  // Half of the images, so that the others are left for held-out sets.
  const full = Math.max(1, Math.min(MOST.full, Math.floor(count / 2)));
  const heldOut = Math.max(1, Math.min(MOST.heldOut, Math.floor((count - full) / 3)));
  const size = (most: number): number => Math.min(most, full);
  const last = lastOf(folder);
  const name = configName(last);
  const { path, links } = placed(call.root, folder, `datasets/${last}`);
  const content = `name: ${name}
# In COCO's layout: annotations/captions_{train,val}2017.json, and images in train2017/ and val2017/.
source: { folder: ${JSON.stringify(path)} }
recorded_root: ../${last}
calibration: datasets/${name}-calibration
full_samples: ${full}
seed: 42
sizes: { small: ${size(MOST.small)}, medium: ${size(MOST.medium)}, large: ${size(MOST.large)} }
calib_seq_len: 512
held_out:
  seed: 42
  sizes: { search: ${heldOut}, confirm: ${heldOut}, report: ${heldOut} }
  least_tokens: 1
`;
  return ok({
    name,
    links,
    files: [{ path: `conf/dataset/${name}.yaml`, content }],
    notes: [`The data has ${count} images with captions; calibration draws from ${full} captions.`],
  });
}

/** Images that annotations list; 0 where they cannot be read, which the op that reads them says. */
function imagesOf(text: string): number {
  try {
    const { images } = JSON.parse(text) as { readonly images?: unknown };
    return Array.isArray(images) ? images.length : 0;
  } catch {
    return 0;
  }
}

function notInLayout(call: StarterCall, folder: string, missing: readonly string[]): Failure {
  if (call.read(folder) !== null)
    return {
      reason: "usage",
      message: `${folder} is a file, and aqm does not take lines of text as data yet`,
      place: { file: folder },
      nextStep:
        "Name a folder in COCO's layout (annotations/captions_train2017.json and captions_val2017.json), or leave --data out for samples that are made here.",
    };
  return {
    reason: "usage",
    message:
      call.names(folder) === null
        ? `There is no folder ${folder}`
        : `${folder} lacks ${missing.map((name) => `annotations/${name}`).join(" and ")}`,
    place: { file: folder },
    nextStep: "Name a folder in COCO's layout, or leave --data out for samples that are made here.",
  };
}

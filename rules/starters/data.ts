import { err, ok, type Failure, type Result, type StarterCall } from "aqm";
import { ownData } from "./own-data.ts";
import { configName, lastOf, placed, type StartedPart } from "./part.ts";

const SPLITS = ["captions_train2017.json", "captions_val2017.json"] as const;
/** Samples that comparisons with published results take: fewer where there are fewer. */
const MOST = { full: 4096, small: 16, medium: 128, large: 512, heldOut: 1024 } as const;

/** Without a count: enough to compare formats, and few enough for most data. */
const UNCOUNTED = { full: 128, heldOut: 64 } as const;

/** What data adds, and whether its samples have images besides text. */
export interface StartedData extends StartedPart {
  readonly images: boolean;
  readonly chats: boolean;
}

/** COCO's layout. */
const CAPTIONS = { images: true, chats: false } as const;

/** The data that `--data` names: COCO's layout, or a kind of `own-data.ts`; without one, samples that a rule makes. */
export function startData(call: StarterCall): Result<StartedData, Failure> {
  const path = (call.answers["data"] ?? "").trim();
  if (path === "") {
    const note =
      "Scores are taken on made samples (synthetic_coco), which show that all works; name your own with --data.";
    return ok({ name: "synthetic_coco", ...CAPTIONS, files: [], links: [], notes: [note] });
  }
  const annotations = call.names(`${path}/annotations`);
  if (annotations !== null) return startCoco(call, path, annotations);
  const found = ownData(call, path);
  if (!found.ok) return found;
  const { source, count, images, chats } = found.value;
  if (count !== null && count < LEAST) return err(tooFew(path, count, "samples that differ"));
  const last = lastOf(path) || lastOf(call.root);
  const name = configName(last.replace(/\.(?:txt|jsonl|ndjson|json|parquet)$/, ""));
  const place = placed(call.root, path, `datasets/${last}`);
  const sizes = count === null ? UNCOUNTED : sizesOf(count);
  const content = `name: ${name}
source: ${source(place.path)}
# One text a row, cut to calib_seq_len tokens; "packed" cuts all texts, one after the other, into such rows.
rows: one
${drawing(name, sizes, "samples")}`;
  return ok({
    name,
    images,
    chats,
    links: place.links,
    files: [{ path: `conf/dataset/${name}.yaml`, content }],
    notes: [
      count === null
        ? `Rows are counted when they are read; ${sizes.full + 3 * sizes.heldOut} that differ are needed.`
        : `The data has ${count} samples that differ; calibration draws ${sizes.full} of them.`,
      ...(images ? [] : ["The data has no images: of the scopes it has lm alone."]),
    ],
  });
}

interface Sizes {
  readonly full: number;
  readonly heldOut: number;
}

/** One sample for calibration, and one for each held-out set. */
const LEAST = 4;

const tooFew = (path: string, count: number, what: string): Failure => ({
  reason: "usage",
  message: `${path} has ${count} ${what}, and ${LEAST} are the least`,
  cause: "calibration and the three held-out sets (search, confirm, report) share no sample",
  place: { file: path },
  nextStep: "Name larger data, or leave --data out for samples that are made here.",
});

/** Half of the samples for calibration, so that the others are left for held-out sets. */
function sizesOf(count: number): Sizes {
  const full = Math.max(1, Math.min(MOST.full, Math.floor(count / 2)));
  return { full, heldOut: Math.max(1, Math.min(MOST.heldOut, Math.floor((count - full) / 3))) };
}

function drawing(name: string, { full, heldOut }: Sizes, word: string): string {
  const size = (most: number): number => Math.min(most, full);
  return `calibration: datasets/${name}-${word}
full_samples: ${full}
seed: 42
sizes: { small: ${size(MOST.small)}, medium: ${size(MOST.medium)}, large: ${size(MOST.large)} }
calib_seq_len: 512
held_out:
  seed: 42
  sizes: { search: ${heldOut}, confirm: ${heldOut}, report: ${heldOut} }
  least_tokens: 1
`;
}

function startCoco(
  call: StarterCall,
  folder: string,
  annotations: readonly string[],
): Result<StartedData, Failure> {
  const missing = SPLITS.filter((name) => !annotations.includes(name));
  if (missing.length > 0) return err(notInLayout(folder, missing));
  let count = 0;
  for (const name of SPLITS) {
    const file = `${folder}/annotations/${name}`;
    const images = imagesOf(call.read(file) ?? "");
    if (images === null) return err(noAnnotations(file));
    count += images;
  }
  if (count < LEAST) return err(tooFew(folder, count, "images with captions"));
  const sizes = sizesOf(count);
  const last = lastOf(folder);
  const name = configName(last);
  const { path, links } = placed(call.root, folder, `datasets/${last}`);
  const content = `name: ${name}
# In COCO's layout: annotations/captions_{train,val}2017.json, and images in train2017/ and val2017/.
source: { folder: ${JSON.stringify(path)} }
recorded_root: ../${last}
${drawing(name, sizes, "calibration")}`;
  return ok({
    name,
    ...CAPTIONS,
    links,
    files: [{ path: `conf/dataset/${name}.yaml`, content }],
    notes: [
      `The data has ${count} images with captions; calibration draws from ${sizes.full} captions.`,
    ],
  });
}

/** Images that annotations list; null for text that is no annotations. */
function imagesOf(text: string): number | null {
  try {
    const { images } = JSON.parse(text) as { readonly images?: unknown };
    return Array.isArray(images) ? images.length : null;
  } catch {
    return null;
  }
}

const noAnnotations = (file: string): Failure => ({
  reason: "usage",
  message: `${file} is no JSON with a list of images, as COCO's annotations are`,
  place: { file },
  nextStep: "Place COCO's annotations there, or leave --data out for samples that are made here.",
});

const notInLayout = (folder: string, missing: readonly string[]): Failure => ({
  reason: "usage",
  message: `${folder} lacks ${missing.map((name) => `annotations/${name}`).join(" and ")}`,
  place: { file: folder },
  nextStep: "Name a folder in COCO's layout, or leave --data out for samples that are made here.",
});

import { action, file, folder, from, local, pythonOp, type Input, type PythonOps } from "aqm";
import type { DatasetConfig, DrawnSource, HeldOutPart, Size } from "./configs.ts";
import { data } from "./data.ts";
import type { Calibration, CalibrationSubset, Samples } from "./samples.ts";
import { tables } from "./tables.ts";

const textSample = pythonOp("text_sample", data);
const tableSample = pythonOp("table_sample", tables);

/** What Pillow reads of what data sets of images have. */
const IMAGES = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"].flatMap((end) => [
  `**/*.${end}`,
  `**/*.${end.toUpperCase()}`,
]);

/** A file or a folder of a source, as both ops take it. */
interface Place {
  readonly place: "file" | "folder";
  readonly input: Input;
}

/**
 * Texts, tables, or images with captions → one walk over them → full sample, its first rows as subsets, held-out
 * sets. All of these are copies of a person's data, so none is committed; records have their digests.
 */
export function drawnData(dataset: DatasetConfig, source: DrawnSource): Calibration {
  const root = dataset.calibration;
  const { sizes, held_out } = dataset;
  const outputs = {
    calibration: local(`${root}/calibration.db`),
    small: local(`${root}/small.db`),
    medium: local(`${root}/medium.db`),
    large: local(`${root}/large.db`),
    search: local(`${root}/held_out_search.db`),
    confirm: local(`${root}/held_out_confirm.db`),
    report: local(`${root}/held_out_report.db`),
  };
  const { place, input } = placeOf(source);
  const shared = {
    place,
    samples: dataset.full_samples,
    seed: dataset.seed,
    sizes,
    held_out: { seed: held_out.seed, sizes: held_out.sizes },
    rows: dataset.rows ?? "one",
    empty_rows: "lines" in source ? "skip" : (dataset.empty_rows ?? "refuse"),
  } as const;
  const inputs = place === "file" ? { file: input } : { folder: input };
  const made =
    "parquet" in source || "hugging_face" in source
      ? action({
          op: tableSample,
          params: { ...shared, ...tableOf(source) },
          inputs,
          outputs,
        })
      : action({ op: textSample, params: { ...shared, ...textOf(source) }, inputs, outputs });
  const samplesOf = (samples: number, role: keyof typeof outputs): Samples => {
    const database = from(made, role);
    return { samples, database, captions: database, images: "image_text" in source ? input : null };
  };
  const subset = (size: Size): CalibrationSubset => ({ size, ...samplesOf(sizes[size], size) });
  const heldOut = (part: HeldOutPart): Samples => samplesOf(held_out.sizes[part], part);
  return {
    dataset,
    sample: from(made, "calibration"),
    subsets: { small: subset("small"), medium: subset("medium"), large: subset("large") },
    heldOut: {
      search: heldOut("search"),
      confirm: heldOut("confirm"),
      report: heldOut("report"),
    },
    evaluation: null,
    declared: made,
  };
}

/** Where the data lies, and which of its files count. */
function placeOf(source: DrawnSource): Place {
  if ("hugging_face" in source) {
    const { split } = source;
    // Files of other splits are no part of the data, so that a change of them makes nothing stale.
    const include =
      split === undefined
        ? ["state.json", "*.arrow"]
        : [
            "dataset_dict.json",
            `${split}/state.json`,
            `${split}/*.arrow`,
            ...[`${split}.parquet`, `${split}-*.parquet`, `${split}/*.parquet`].map(
              (pattern) => `**/${pattern}`,
            ),
          ];
    return folderOf(source.hugging_face, include);
  }
  if ("image_text" in source)
    return folderOf(source.image_text, [...IMAGES, "**/*.txt", "metadata.jsonl"]);
  if ("lines" in source) return fileOrFolder(source.lines, "**/*.txt");
  if ("json_lines" in source) return fileOrFolder(source.json_lines, "**/*.jsonl");
  return fileOrFolder(source.parquet, "**/*.parquet");
}

const OBTAIN = "place your data there, or correct its path in conf/dataset";

/** A folder has a slash at its end: a rule does not look at the disk. */
const fileOrFolder = (path: string, pattern: string): Place =>
  path.endsWith("/")
    ? folderOf(path, [pattern])
    : { place: "file", input: file(path, { obtain: OBTAIN }) };

const folderOf = (path: string, include: readonly string[]): Place => ({
  place: "folder",
  input: folder(path.replace(/\/+$/, ""), { include, obtain: OBTAIN }),
});

type TextParams = PythonOps["text_sample"]["params"];
type TableParams = PythonOps["table_sample"]["params"];

function textOf(
  source: Exclude<DrawnSource, { parquet: string } | { hugging_face: string }>,
): Pick<TextParams, "kind" | "content"> {
  if ("lines" in source) return { kind: "lines", content: null };
  if ("json_lines" in source) return { kind: "json_lines", content: contentOf(source) };
  return { kind: "image_text", content: contentOf(source) };
}

function tableOf(
  source: Extract<DrawnSource, { parquet: string } | { hugging_face: string }>,
): Pick<TableParams, "kind" | "content" | "split"> {
  const content = contentOf(source);
  return "parquet" in source
    ? { kind: "parquet", split: null, content }
    : { kind: "hugging_face", split: source.split ?? null, content };
}

/** The field that most data sets have their texts in. */
const FIELD = "text";

const contentOf = ({
  field,
  messages,
}: {
  readonly field?: string;
  readonly messages?: string;
}): TableParams["content"] => (messages === undefined ? { field: field ?? FIELD } : { messages });

import { err, ok, type Failure, type Result, type StarterCall } from "aqm";

/** Data that is not in COCO's layout, as a config says it. */
export interface OwnData {
  /** The value of `source` in YAML, of the data's path in the workspace. */
  readonly source: (path: string) => string;
  /** Samples that differ; null where they were not counted: a library must read them, or a file is large. */
  readonly count: number | null;
  /** Whether the samples have images. */
  readonly images: boolean;
  /** Whether they are chats, which take a chat template; of tables that shows when they are read. */
  readonly chats: boolean;
}

/** So many bytes of a file say what it holds, and whether it holds enough. */
const LOOKED_AT = 16 * 1024 * 1024;
/** Where the beginning of a large file has fewer samples, their number is not known. */
const FEW = 64;
const IMAGE = /\.(?:jpe?g|png|webp|bmp|gif|tiff?)$/i;
const TAKEN =
  "a .txt file with a text a line, .jsonl with an object a line, .parquet; a folder of these; a data set that the library datasets saved, or a clone of one; images with captions in metadata.jsonl or in .txt files of the same name; COCO's layout (annotations/captions_train2017.json and captions_val2017.json)";

/** What a file or a folder holds. Nothing of Parquet is read here. */
export function ownData(call: StarterCall, path: string): Result<OwnData, Failure> {
  const names = call.names(path);
  if (names !== null) return inFolder(call, path.replace(/\/+$/, ""), names);
  const start = call.beginning(path, 1);
  if (start === null) return refused(path, `There is no file or folder ${path}`);
  if (path.endsWith(".txt")) return ok(lines(call, [path], ""));
  if (path.endsWith(".parquet")) return ok(table("parquet", "", ""));
  if (/\.(?:jsonl|ndjson|json)$/.test(path)) return jsonLines(call, [path], "");
  return refused(path, `${path} is none of the files that aqm takes as data`);
}

function inFolder(
  call: StarterCall,
  folder: string,
  names: readonly string[],
): Result<OwnData, Failure> {
  const ending = (end: string): readonly string[] =>
    names.filter((name) => name.endsWith(end)).map((name) => `${folder}/${name}`);
  if (names.includes("dataset_dict.json") || names.includes("state.json"))
    return ok(saved(call, folder));
  if (names.includes("metadata.jsonl")) return listedImages(call, `${folder}/metadata.jsonl`);
  const images = names.filter((name) => IMAGE.test(name));
  if (images.length > 0) {
    const source = (path: string): string => `{ image_text: ${JSON.stringify(path)} }`;
    return ok({ source, count: images.length, images: true, chats: false });
  }
  const split = splitOf(call, folder, names);
  if (split !== null) return ok(table("hugging_face", `, split: ${split}`, ""));
  if (ending(".parquet").length > 0) return ok(table("parquet", "", "/"));
  if (ending(".jsonl").length > 0) return jsonLines(call, ending(".jsonl"), "/");
  if (ending(".txt").length > 0) return ok(lines(call, ending(".txt"), "/"));
  return refused(folder, `${folder} holds nothing that aqm takes as data`);
}

const lines = (call: StarterCall, files: readonly string[], slash: string): OwnData => ({
  source: (path) => `{ lines: ${JSON.stringify(path + slash)} }`,
  count: looked(call, files).count,
  images: false,
  chats: false,
});

interface Looked {
  readonly lines: readonly string[];
  /** Lines that differ by more than case and white space; null where what was read of a large file has few. */
  readonly count: number | null;
}

function looked(call: StarterCall, files: readonly string[]): Looked {
  const read = files.map((file) => call.beginning(file, LOOKED_AT) ?? { text: "", whole: true });
  const lines = read.flatMap(({ text }) => text.split("\n"));
  const count = distinct(lines);
  // Lines of megabytes: the rest of the file has more of them.
  const isKnown = count >= FEW || read.every(({ whole }) => whole);
  return { lines, count: isKnown ? count : null };
}

const table = (kind: string, more: string, slash: string): OwnData => ({
  source: (path) => `{ ${kind}: ${JSON.stringify(path + slash)}${more}, field: text }`,
  count: null,
  images: false,
  chats: false,
});

/** Lines that differ by more than case and white space. */
function distinct(found: readonly string[]): number {
  const known = new Set(found.map((line) => line.trim().replaceAll(/\s+/g, " ").toLowerCase()));
  known.delete("");
  return known.size;
}

function jsonLines(
  call: StarterCall,
  files: readonly string[],
  slash: string,
): Result<OwnData, Failure> {
  const { lines: all, count } = looked(call, files);
  const content = contentOf(files[0] ?? "", all);
  if (!content.ok) return content;
  const source = (path: string): string =>
    `{ json_lines: ${JSON.stringify(path + slash)}, ${content.value} }`;
  return ok({ source, count, images: false, chats: content.value.startsWith("messages") });
}

function listedImages(call: StarterCall, file: string): Result<OwnData, Failure> {
  const { lines: all, count } = looked(call, [file]);
  const content = contentOf(file, all, ["file_name"]);
  if (!content.ok) return content;
  const source = (path: string): string =>
    `{ image_text: ${JSON.stringify(path)}, ${content.value} }`;
  return ok({ source, count, images: true, chats: false });
}

/** Which field of the first object has the text, or the messages of a chat. */
function contentOf(
  file: string,
  all: readonly string[],
  others: readonly string[] = [],
): Result<string, Failure> {
  const record = parsed(all.find((line) => line.trim() !== "") ?? "");
  if (record === null)
    return refused(file, `The first line of ${file} is no JSON object on a line of its own`);
  const keys = Object.keys(record).filter((key) => !others.includes(key));
  const chat = keys.find((key) => isChat(record[key]));
  if (chat !== undefined) return ok(`messages: ${JSON.stringify(chat)}`);
  const texts = keys.filter((key) => typeof record[key] === "string");
  const field = texts.includes("text") ? "text" : texts.length === 1 ? texts[0] : undefined;
  if (field !== undefined) return ok(`field: ${JSON.stringify(field)}`);
  return err({
    reason: "usage",
    message: `${file} does not show which field has the text: ${texts.join(", ") || "none is text"}`,
    place: { file },
    nextStep:
      "Call the field text (or messages, of a chat); or leave --data out, and write conf/dataset by hand: docs/data.md.",
  });
}

const isChat = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.some((item: unknown) => typeof item === "object" && item !== null && "role" in item);

function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

/** A folder by `save_to_disk` of datasets: dataset_info.json beside the rows says how many there are. */
function saved(call: StarterCall, folder: string): OwnData {
  const { splits } = parsed(call.read(`${folder}/dataset_dict.json`) ?? "") ?? {};
  const names = Array.isArray(splits) ? splits.map(String) : [];
  const split = names.includes("train") ? "train" : names[0];
  const rows = split === undefined ? folder : `${folder}/${split}`;
  const info = parsed(call.read(`${rows}/dataset_info.json`) ?? "") ?? {};
  const counts = Object.values((info["splits"] ?? {}) as Readonly<Record<string, unknown>>)
    .filter((one) => typeof one === "object" && one !== null)
    .map((one) => (one as { readonly num_examples?: unknown }).num_examples);
  const count = counts.length === 1 && typeof counts[0] === "number" ? counts[0] : null;
  return { ...table("hugging_face", split === undefined ? "" : `, split: ${split}`, ""), count };
}

/** The split that a clone of the hub has in the names of its Parquet files; null where there is none. */
function splitOf(call: StarterCall, folder: string, names: readonly string[]): string | null {
  const deeper = names.flatMap((name) => call.names(`${folder}/${name}`) ?? []);
  const splits = [...names, ...deeper].flatMap(
    (name) => /^(\w+)-\d+-of-\d+\.parquet$/.exec(name)?.[1] ?? [],
  );
  return splits.includes("train") ? "train" : (splits[0] ?? null);
}

const refused = (path: string, message: string): Result<never, Failure> =>
  err({
    reason: "usage",
    message,
    cause: `aqm takes: ${TAKEN}`,
    place: { file: path },
    nextStep: "Name one of these, or leave --data out for samples that are made here.",
  });

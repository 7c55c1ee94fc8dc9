import { includeFilter } from "../../../src/graph/include.ts";
import { digestOfBytes, digestOfFolder, type Digest } from "../../../src/model/digest.ts";
import { provenanceText } from "../../../src/model/provenance.ts";
import type { ActionRecord } from "../../../src/model/record.ts";
import type { Observation } from "../../../src/plan/knowledge.ts";
import { regionIn } from "./document.ts";

/** What is at a place: the text of a file, or the texts of a folder's files by relative path. */
export type Content = string | Readonly<Record<string, string>>;

export interface Place {
  readonly path: string;
  readonly kind: "file" | "folder" | "region" | "record";
  readonly include?: readonly string[];
  readonly recordOf?: string;
}

export const digestOf = (content: Content): Digest =>
  typeof content === "string"
    ? digestOfBytes(content)
    : digestOfFolder(Object.entries(content).map(([path, text]) => [path, digestOfBytes(text)]));

export const sizeOf = (content: Content): number =>
  typeof content === "string"
    ? content.length
    : Object.values(content).reduce((sum, text) => sum + text.length, 0);

/** What files by path hold at a place; a folder is there while some file is in it. */
export function contentAt(
  files: ReadonlyMap<string, string>,
  place: Place,
  records: ReadonlyMap<string, ActionRecord> = new Map(),
): Content | Error | null {
  const { path, kind, include } = place;
  if (kind === "record") {
    const record = records.get(place.recordOf ?? "");
    return record === undefined ? null : provenanceText(record);
  }
  if (kind === "region") {
    const [document = "", id = ""] = path.split("#");
    const text = files.get(document);
    return text === undefined ? null : regionIn(text, id);
  }
  const file = files.get(path);
  if (kind === "file" && file !== undefined) return file;
  const inside = [...files].filter(([other]) => other.startsWith(`${path}/`));
  if (kind === "file") return inside.length > 0 ? new Error(`${path} is not a file`) : null;
  if (file !== undefined) return new Error(`${path} is not a folder`);
  if (inside.length === 0) return null;
  const accepts = includeFilter(include);
  const found = inside
    .map(([other, text]) => [other.slice(path.length + 1), text] as const)
    .filter(([other]) => accepts(other));
  if (found.length === 0 && include !== undefined) return new Error("nothing in it matches");
  return Object.fromEntries(found);
}

export function observationOf(content: Content | Error | null): Observation {
  if (content === null) return { state: "missing" };
  if (content instanceof Error) return { state: "unreadable", error: content.message };
  return { state: "present", digest: digestOf(content), size: sizeOf(content) };
}

/** Files by path, of a content that lies at `path`. */
export const filesOf = (path: string, content: Content): readonly (readonly [string, string])[] =>
  typeof content === "string"
    ? [[path, content]]
    : Object.entries(content).map(([inside, text]) => [`${path}/${inside}`, text]);

/** Puts a content in the place of whatever was there. */
export function place(files: Map<string, string>, path: string, content: Content): void {
  remove(files, path);
  for (const [file, text] of filesOf(path, content)) files.set(file, text);
}

export function remove(files: Map<string, string>, path: string): void {
  files.delete(path);
  for (const file of [...files.keys()]) if (file.startsWith(`${path}/`)) files.delete(file);
}

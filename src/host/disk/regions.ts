import * as fs from "node:fs";
import { join } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { OutputDeclaration } from "../../model/declaration.ts";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import {
  beginMarker,
  endMarker,
  fillRegion,
  findRegion,
  isBlank,
  regionContent,
  regionOf,
  type FoundRegion,
} from "../../model/region.ts";
import { lineDiff } from "../../model/line-diff.ts";
import type { Observation } from "../../plan/knowledge.ts";
import { disk, errorCode } from "./disk.ts";
import { lstatIfThere } from "./stat.ts";
import { readFileBytes } from "./bounded-read.ts";

/** One byte is one character, so all other content of a file goes through unchanged. */
const BYTES = "latin1";

/** The content of a region, as text; null when its file or its markers are not there, or it is empty. */
function readRegion(root: string, path: string): string | null {
  const found = lookForRegion(root, path);
  return found.state === "there" && !isBlank(found.content) ? textOf(found.content) : null;
}

/** What a region is now. One with nothing in it counts as missing: it waits to be filled. */
export function observeRegion(root: string, path: string): Observation {
  const found = lookForRegion(root, path);
  if (found.state === "broken")
    return { state: "unreadable", error: `${regionOf(path).file}: ${found.problem}` };
  if (found.state === "absent" || isBlank(found.content)) return { state: "missing" };
  const bytes = Buffer.from(found.content, BYTES);
  return { state: "present", digest: digestOfBytes(bytes), size: bytes.length };
}

/** Why an action cannot fill this region, with any content; null if it can. */
export function regionObstacle(root: string, output: OutputDeclaration): Failure | null {
  const { file, id } = regionOf(output.path);
  const stat = lstatIfThere(join(root, file));
  if (stat === undefined) return null;
  if (!stat.isFile()) {
    return {
      reason: "region_damaged",
      message: `The region ${id} cannot be filled: ${file} is ${stat.isSymbolicLink() ? "a symbolic link" : "not a file"}`,
      place: { file },
      nextStep: stat.isSymbolicLink()
        ? "Declare the region in the file that the link leads to."
        : "Move it out of the way, or declare the region in another file.",
    };
  }
  fs.accessSync(join(root, file), fs.constants.W_OK);
  const found = lookForRegion(root, output.path);
  if (found.state !== "broken") return null;
  return {
    reason: "region_damaged",
    message: `The region ${id} of ${file} cannot be told from the rest of the file`,
    cause: found.problem,
    place: { file },
    nextStep: `Leave one line ${beginMarker(id)} and, below it, one line ${endMarker(id)}.`,
  };
}

/** Brings what an op wrote into the form in which regions are kept; says why it cannot be kept. */
export function settleStagedRegion(staged: string): string | null {
  const written = fs.readFileSync(staged, BYTES);
  const content = regionContent(written);
  if (!content.ok) return content.error;
  if (content.value !== written) disk.write(staged, Buffer.from(content.value, BYTES));
  return null;
}

/** Digest of what an op wrote, as a region has it. */
export function digestOfStagedRegion(staged: string): Digest {
  const written = fs.readFileSync(staged, BYTES);
  const content = regionContent(written);
  return digestOfBytes(Buffer.from(content.ok ? content.value : written, BYTES));
}

/**
 * Puts staged content into its region. The file is read, filled and replaced without a pause, so that of
 * several regions that are published at once none is lost; everything outside, and the mode, stay.
 */
export function publishRegion(root: string, staged: string, path: string): void {
  const content = fs.readFileSync(staged, BYTES);
  rewrite(root, path, `${staged}.whole`, (text, id) => fillRegion(text, id, content));
  disk.remove(staged);
}

/** Empties a region and leaves its markers where they are. */
export function clearRegion(root: string, path: string, stage: string): void {
  disk.makeFolder(stage);
  rewrite(root, path, join(stage, "cleared"), (text, id) => fillRegion(text, id, ""));
  disk.removeEmptyFolder(stage);
}

function rewrite(
  root: string,
  path: string,
  temporary: string,
  change: (text: string, id: string) => ReturnType<typeof fillRegion>,
): void {
  const { file, id } = regionOf(path);
  const target = join(root, file);
  const before = readBytes(target);
  const after = change(before ?? "", id);
  if (!after.ok) throw new Error(`${file}: ${after.error}`);
  if (after.value === before) return;
  disk.remove(temporary);
  if (before !== null) disk.copy(target, temporary); // with its mode
  disk.write(temporary, Buffer.from(after.value, BYTES));
  disk.settle(temporary);
  disk.sync(temporary);
  disk.moveInto(temporary, target);
}

/** What a person wrote in a region that is about to be filled. */
export interface EditedRegion {
  readonly output: OutputDeclaration;
  readonly digest: Digest;
  readonly content: string;
}

/** The regions whose content is neither empty nor known. */
export function editedRegions(
  root: string,
  outputs: readonly OutputDeclaration[],
  isKnown: (path: string, digest: Digest) => boolean,
): readonly EditedRegion[] {
  return outputs.flatMap((output) => {
    const found = output.kind === "region" ? observeRegion(root, output.path) : null;
    if (found?.state !== "present") return [];
    if (isKnown(output.path, found.digest)) return [];
    return [{ output, digest: found.digest, content: readRegion(root, output.path) ?? "" }];
  });
}

/**
 * @param published what aqm last wrote there; null when that is not known any more
 * @param coming what it would write now; null before the op has run
 */
export function regionEdited(
  node: ActionNode,
  { output: { path }, content }: EditedRegion,
  published: string | null,
  coming: string | null,
): Failure {
  const { file, id } = regionOf(path);
  const heading =
    published !== null
      ? "since aqm wrote it:"
      : coming !== null
        ? "what would be written, and what is there:"
        : "what is there; the store has no copy of what aqm wrote:";
  return {
    reason: "region_edited",
    message: `The region ${id} of ${file} was edited by hand, so it is left as it is`,
    cause: `${heading}\n${lineDiff(published ?? coming ?? "", content)}`,
    target: node.id,
    place: { file },
    nextStep:
      "Move your words out of the region, or build again with --force: what is there is then kept in .aqm/replaced.",
  };
}

export const regionInvalid = (node: ActionNode, path: string, cause: string): Failure => ({
  reason: "output_invalid",
  message: `What the op wrote for the region ${path} cannot be kept`,
  cause,
  target: node.id,
  place: { file: regionOf(path).file },
  nextStep: "Let the op write the lines that belong between the markers, and no markers.",
});

function lookForRegion(root: string, path: string): FoundRegion {
  const { file, id } = regionOf(path);
  const text = readBytes(join(root, file));
  return text === null ? { state: "absent" } : findRegion(text, id);
}

function readBytes(path: string): string | null {
  try {
    return readFileBytes(path).toString(BYTES);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error))) return null;
    throw error;
  }
}

const textOf = (bytes: string): string => Buffer.from(bytes, BYTES).toString("utf8");

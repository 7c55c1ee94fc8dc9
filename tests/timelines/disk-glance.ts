import * as fs from "node:fs";
import { join } from "node:path";
import { parseLockRecord } from "../../src/host/records/records.ts";
import { isDigest, type Digest } from "../../src/model/digest.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { digestOf, type Content } from "../engine/support/content.ts";
import { MemoryWorkspace } from "../engine/support/memory.ts";
import type { DiskFiles } from "./disk-files.ts";
import { declareVersions } from "./memory-world.ts";
import type { Project } from "./project.ts";

/**
 * All that is on the disk, read byte by byte and without any of the engine's caches, so that what the
 * engine says can be compared with it.
 */
export function glanceAt(files: DiskFiles, project: Project): MemoryWorkspace {
  const found = new MemoryWorkspace();
  for (const path of files.list("", [".aqm", "aqm.lock"]))
    found.files.set(path, fs.readFileSync(files.at(path), "utf8"));
  for (const text of files.read("aqm.lock").values()) {
    const record = parseLockRecord(text);
    if (record !== null) found.records.set(record.target, record);
  }
  for (const text of files.read(".aqm/history").values()) {
    for (const line of text.split("\n")) {
      const record = parse(line.split("\t")[0] ?? "");
      if (record !== null) found.past.push(record);
    }
  }
  const blobs = blobsIn(files.at(".aqm/store"));
  for (const digest of blobs) {
    const content = project.contentOf(digest);
    if (content !== null && isWhole(content, blobs)) found.stored.set(digest, content);
  }
  declareVersions(found);
  return found;
}

function parse(text: string): ActionRecord | null {
  try {
    return JSON.parse(text) as ActionRecord;
  } catch {
    return null; // damaged
  }
}

function blobsIn(store: string): ReadonlySet<Digest> {
  const shelves = fs.existsSync(store) ? fs.readdirSync(store) : [];
  const names = shelves.flatMap((shelf) =>
    fs.readdirSync(join(store, shelf)).map((name) => `sha256:${shelf}${name}`),
  );
  return new Set(names.filter(isDigest));
}

/** A folder is stored as its list and its files; without one of them it is lost. */
const isWhole = (content: Content, blobs: ReadonlySet<Digest>): boolean =>
  typeof content === "string" || Object.values(content).every((text) => blobs.has(digestOf(text)));

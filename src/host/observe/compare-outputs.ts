import * as fs from "node:fs";
import { join } from "node:path";
import { differences } from "../../keys/difference.ts";
import type { Json } from "../../model/json.ts";
import { Observer } from "./observer.ts";

/** JSON up to this size is compared value by value. */
const READABLE = 64 * 1024 * 1024;
const PIECE = 1024 * 1024;

/**
 * Where two outputs first differ, for people; null when they are the same, byte for byte.
 *
 * @param old what is there, absolute; @param now what was made again, absolute
 */
export async function firstDifference(
  old: string,
  now: string,
  kind: "file" | "folder",
): Promise<string | null> {
  if (kind === "file") return fileDifference(old, now);
  const list = async (folder: string): Promise<ReadonlyMap<string, string>> => {
    const observer = new Observer(folder, null, null);
    const files = await observer.listFolder({ path: ".", kind: "folder" });
    return new Map(files.map(({ path, digest }) => [path, digest]));
  };
  const [before, after] = await Promise.all([list(old), list(now)]);
  for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    if (before.get(path) === after.get(path)) continue;
    if (!after.has(path)) return `${path} is not made any more`;
    if (!before.has(path)) return `${path} is new`;
    return `${path}: ${fileDifference(join(old, path), join(now, path)) ?? "differs"}`;
  }
  return null;
}

function fileDifference(old: string, now: string): string | null {
  const at = firstByte(old, now);
  if (at === null) return null;
  return valueDifference(old, now) ?? `from byte ${at} on`;
}

/** The first value that differs, where both are JSON. */
function valueDifference(old: string, now: string): string | null {
  if (fs.statSync(old).size > READABLE || fs.statSync(now).size > READABLE) return null;
  try {
    const parse = (path: string): Json => JSON.parse(fs.readFileSync(path, "utf8")) as Json;
    const [first, ...others] = differences(parse(old), parse(now));
    if (first === undefined) return null; // the same values, written otherwise
    const text = (value: Json | undefined): string =>
      value === undefined ? "(none)" : JSON.stringify(value).slice(0, 80);
    const more = others.length === 0 ? "" : `, and ${others.length} more`;
    return `${first.field || "the value"}: ${text(first.old)} → ${text(first.new)}${more}`;
  } catch {
    return null; // not JSON
  }
}

/** Offset of the first byte that differs; the length of the shorter one if the other begins with it. */
function firstByte(old: string, now: string): number | null {
  const files = [fs.openSync(old, "r"), fs.openSync(now, "r")] as const;
  try {
    const [a, b] = [Buffer.alloc(PIECE), Buffer.alloc(PIECE)];
    for (let offset = 0; ;) {
      const [readA, readB] = [fill(files[0], a, offset), fill(files[1], b, offset)];
      const both = Math.min(readA, readB);
      if (!a.subarray(0, both).equals(b.subarray(0, both))) {
        let at = 0;
        while (a[at] === b[at]) at++;
        return offset + at;
      }
      if (readA !== readB) return offset + both;
      if (readA === 0) return null;
      offset += both;
    }
  } finally {
    for (const file of files) fs.closeSync(file);
  }
}

/** A read may give less than there is. */
function fill(file: number, buffer: Buffer, position: number): number {
  let filled = 0;
  for (;;) {
    const read = fs.readSync(file, buffer, filled, buffer.length - filled, position + filled);
    filled += read;
    if (read === 0 || filled === buffer.length) return filled;
  }
}

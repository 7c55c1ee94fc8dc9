import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join, relative } from "node:path";
import { shortDigest, type Digest } from "../../model/digest.ts";
import type { Observation } from "../../plan/knowledge.ts";
import type { Replaced } from "../../ports.ts";
import { disk, errorCode, putInPlace } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";

/** What is about to lie at an output's path. */
export interface Coming {
  readonly path: string;
  readonly digest: Digest;
}

/**
 * Before outputs are replaced: keeps what lies there if neither a record nor the store knows it, because then
 * a person made it, and nobody else could bring it back. The copy is there before anything is moved, so a
 * crash at any point loses nothing.
 *
 * @returns what was kept, and where
 */
export async function keepUnknown(
  layout: Layout,
  coming: readonly Coming[],
  look: (path: string, kind: "file" | "folder") => Promise<Observation>,
  isKnown: (path: string, digest: Digest) => boolean,
): Promise<readonly Replaced[]> {
  const kept: Replaced[] = [];
  for (const { path, digest } of coming) {
    const absolute = join(layout.root, path);
    const there = fs.lstatSync(absolute, { throwIfNoEntry: false });
    if (there === undefined) continue;
    const found = await look(path, kindOf(absolute));
    if (found.state === "missing") continue; // a link that leads nowhere
    const known =
      found.state === "present" && (found.digest === digest || isKnown(path, found.digest));
    if (known) continue;
    const name =
      found.state === "present" ? shortDigest(found.digest) : randomBytes(5).toString("hex");
    const place = join(layout.replaced, name, path);
    // The name tells the content, so what is there already is the same.
    if (fs.lstatSync(place, { throwIfNoEntry: false }) === undefined) keepCopy(absolute, place);
    kept.push({ path, kept: relative(layout.root, place) });
  }
  return kept;
}

function kindOf(absolute: string): "file" | "folder" {
  try {
    return fs.statSync(absolute).isDirectory() ? "folder" : "file";
  } catch {
    return "file"; // whoever looks will say what is wrong with it
  }
}

/** A second name costs nothing; a copy does, but works for folders and across file systems. */
function keepCopy(from: string, to: string): void {
  putInPlace(to, (temporary) => {
    try {
      disk.link(from, temporary);
    } catch (error) {
      if (errorCode(error) === "") throw error;
      disk.copyTree(from, temporary);
    }
  });
}

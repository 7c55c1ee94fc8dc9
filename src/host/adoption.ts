import { isUtf8 } from "node:buffer";
import * as fs from "node:fs";
import { basename, join } from "node:path";
import { includeFilter } from "../graph/include.ts";
import type { AdopterModule, AdoptionRefusal, FoundFile } from "../model/adoption.ts";
import { digestOfBytes } from "../model/digest.ts";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Stage } from "../ports.ts";
import { readFileBytes } from "./disk/bounded-read.ts";
import { disk, errorText } from "./disk/disk.ts";
import { diskFailure } from "./disk/disk-failure.ts";
import type { Layout } from "./disk/layout.ts";
import { loadNamedModule } from "./code/named-module.ts";
import { entriesOf } from "./observe/observer.ts";

/** What an adopter reads is text that people publish; more is no such file. */
const LARGEST = 64 * 1024 * 1024;

/** Never looked into: state of aqm and Git, packages. */
const PASSED_OVER: ReadonlySet<string> = new Set([".aqm", ".git", "node_modules"]);

export interface Search {
  readonly files: readonly FoundFile[];
  /** What has a fitting name and cannot be read. */
  readonly refused: readonly AdoptionRefusal[];
}

/** Reads every file below a folder whose path matches a pattern. Links are named, never followed. */
export function findFiles(folder: string, patterns: readonly string[]): Result<Search, Failure> {
  const matches = includeFilter(patterns);
  const top = basename(fs.existsSync(folder) ? fs.realpathSync(folder) : folder);
  const files: FoundFile[] = [];
  const refused: AdoptionRefusal[] = [];
  const refuse = (path: string, message: string, nextStep: string): void =>
    void refused.push({ kind: "refusal", file: path, message, nextStep, contradictions: [] });
  const pending = [""];
  try {
    if (!fs.statSync(folder).isDirectory()) return err(noFolder(folder, "it is a file"));
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const shown = at === "" ? top : `${top}/${at}`;
      let entries: readonly fs.Dirent[];
      try {
        entries = entriesOf(join(folder, at), at);
      } catch (error) {
        refuse(
          shown,
          `nothing in it was looked at: ${errorText(error)}`,
          "Rename it, or let it be read.",
        );
        continue;
      }
      for (const entry of [...entries].sort((a, b) => (a.name < b.name ? 1 : -1))) {
        const path = at === "" ? entry.name : `${at}/${entry.name}`;
        if (entry.isDirectory()) {
          if (!PASSED_OVER.has(entry.name)) pending.push(path);
        } else if (entry.isSymbolicLink() && (matches(path) || isFolder(join(folder, path)))) {
          refuse(`${top}/${path}`, "it is a symbolic link", "Name the folder that it leads to.");
        } else if (entry.isFile() && matches(path)) {
          const read = readFound(join(folder, path), `${top}/${path}`);
          if (read.ok) files.push(read.value);
          else refuse(`${top}/${path}`, read.error, "Get the original again.");
        }
      }
    }
  } catch (error) {
    return err(noFolder(folder, errorText(error)));
  }
  return ok({ files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), refused });
}

function readFound(absolute: string, path: string): Result<FoundFile, string> {
  try {
    if (fs.statSync(absolute).size > LARGEST) return err("it is larger than 64 MiB");
    const bytes = readFileBytes(absolute, LARGEST);
    if (!isUtf8(bytes)) return err("it is not UTF-8 text");
    return ok({ path, digest: digestOfBytes(bytes), text: bytes.toString("utf8") });
  } catch (error) {
    return err(errorText(error));
  }
}

const isFolder = (absolute: string): boolean => {
  try {
    return fs.statSync(absolute).isDirectory();
  } catch {
    return false; // leads nowhere
  }
};

/** Compiles and loads a module that an Aqmfile names as an adopter. */
export const loadAdopter = (
  layout: Layout,
  module: string,
): Promise<Result<AdopterModule, Failure>> =>
  loadNamedModule(layout, module, {
    kind: "adopter",
    exports: "adopt",
    document: "docs/adopt.md",
  });

/** Puts contents where an execution would have written them. */
export function fillStage(
  stage: Stage,
  contents: Readonly<Record<string, string>>,
  target: string,
): Result<void, Failure> {
  try {
    for (const [role, path] of Object.entries(stage.paths)) disk.write(path, contents[role] ?? "");
    return ok(undefined);
  } catch (error) {
    return err(diskFailure(error, target, target));
  }
}

const noFolder = (folder: string, cause: string): Failure => ({
  reason: "usage",
  message: `${folder} cannot be searched`,
  cause,
  nextStep: "Name a folder that holds earlier artifacts.",
});

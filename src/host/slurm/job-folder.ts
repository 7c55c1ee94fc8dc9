import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { hexOf, digestOfJson, type Digest } from "../../model/digest.ts";
import { attempt } from "../disk/attempt.ts";
import { disk, errorCode, readTextIfExists, writeFileAtomic } from "../disk/disk.ts";

/** What was submitted, written before sbatch is called. */
export interface Submission {
  readonly schema: 1;
  readonly name: string;
  readonly members: readonly SubmittedMember[];
  readonly minutes: number;
  /** The limit was the longest that may be asked for. */
  readonly isLongest: boolean;
}

export interface SubmittedMember {
  readonly target: string;
  readonly key: Digest;
  /** Stats of all that it reads, from before it was submitted. */
  readonly reads: Digest;
  /** Absolute path of a folder or file, by role. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** The last word of a job, written by its script on the node. */
export interface JobEnd {
  readonly job: string;
  readonly node: string;
  /** Exit code of the runner; 128 and a signal's number if one ended it. */
  readonly code: number;
  /** The cluster asked the job to end. */
  readonly stopped: boolean;
  /** What it was doing: `prepare` for the preparation of its environment. */
  readonly step: "prepare" | "run";
}

const PREFIX = "aqm-";

/** One name for each attempt at a job, the same wherever it is asked for: no second job has it. */
export const jobName = (root: string, keys: readonly Digest[], attempt: number): string =>
  `${PREFIX}${hexOf(digestOfJson([root, ...[...keys].sort()])).slice(0, 32)}-${attempt}`;

/**
 * Where a job is written down before it is submitted, and where it writes what it says and makes. Markers in it
 * are the truth about a job; what Slurm says is only a hint whether it still lives.
 *
 * `claim` is made once, by the job when it starts or by a driver that gives the job up: whoever makes it is right.
 * So a job that comes late, or twice, does nothing.
 */
export class JobFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get name(): string {
    return basename(this.path);
  }

  get events(): string {
    return this.file("events");
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Nobody else may look into it: it holds the environment of the job, until the job has read it. */
  make(): void {
    disk.makeFolder(dirname(this.path));
    disk.makePrivateFolder(this.path);
  }

  submission(): Submission | null {
    try {
      const text = readTextIfExists(this.file("submission.json"));
      const read = text === null ? null : (JSON.parse(text) as Partial<Submission>);
      return read?.schema === 1 && Array.isArray(read.members) ? (read as Submission) : null;
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  }

  writeSubmission(submission: Submission): void {
    writeFileAtomic(this.file("submission.json"), `${JSON.stringify(submission)}\n`);
  }

  /** The number that Slurm gave it; null while that is not known. */
  id(): string | null {
    return readTextIfExists(this.file("job"))?.trim() || this.#claimant()?.[0] || null;
  }

  writeId(id: string): void {
    writeFileAtomic(this.file("job"), `${id}\n`);
  }

  /** The node on which it started. */
  node(): string | null {
    return this.#claimant()?.[1] ?? null;
  }

  isClaimed(): boolean {
    return fs.existsSync(this.file("claim"));
  }

  /** False when the job has started: then it is not ours to give up. */
  giveUp(): boolean {
    try {
      disk.makeNewFolder(this.file("claim"));
      return true;
    } catch (error) {
      if (errorCode(error) === "EEXIST") return false;
      throw error;
    }
  }

  end(): JobEnd | null {
    const text = readTextIfExists(this.file("end.json"));
    return text === null ? null : (JSON.parse(text) as JobEnd);
  }

  /** A driver has asked Slurm to end it. */
  isCancelled(): boolean {
    return fs.existsSync(this.file("cancelled"));
  }

  markCancelled(): void {
    disk.write(this.file("cancelled"), "");
  }

  remove(): void {
    // In one rename: half a folder must not look like a job.
    const aside = `${this.path}.removed`;
    try {
      disk.remove(aside);
      disk.rename(this.path, aside);
      disk.remove(aside);
    } catch (error) {
      if (errorCode(error) === "") throw error; // a node still writes there; it is tried again
    }
  }

  /** Which job made the claim, and where. */
  #claimant(): readonly string[] | null {
    const text = readTextIfExists(this.file("claim/job"));
    return text === null || text.trim() === "" ? null : text.trim().split(" ");
  }
}

/** All jobs of a workspace that have been written down, earlier attempts first. */
export function jobFoldersIn(folder: string): readonly JobFolder[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => /^aqm-[0-9a-f]{32}-\d+$/.test(name))
    .sort((a, b) => attemptOf(a) - attemptOf(b))
    .map((name) => new JobFolder(join(folder, name)));
}

const attemptOf = (name: string): number => Number(name.slice(name.lastIndexOf("-") + 1));

const KEPT_MS = 30 * 24 * 3600_000;

/** Removes what nobody came back for, and what was not removed for good. */
export function tidyJobFolders(folder: string): void {
  if (!fs.existsSync(folder)) return;
  for (const name of fs.readdirSync(folder)) {
    const path = join(folder, name);
    if (name.endsWith(".removed")) attempt(() => disk.remove(path));
  }
  for (const job of jobFoldersIn(folder)) {
    const age = Date.now() - fs.statSync(job.path).mtimeMs;
    if (age > KEPT_MS && (job.end() !== null || job.isCancelled())) job.remove();
  }
}

/** Its folder is read anew, so that a network file system does not answer from what it had seen before. */
export function isThere(path: string): boolean {
  if (fs.existsSync(path)) return true;
  const folder = dirname(path);
  if (path === "" || !fs.existsSync(folder)) return false;
  fs.readdirSync(folder);
  return fs.existsSync(path);
}

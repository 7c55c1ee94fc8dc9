import * as fs from "node:fs";
import { join } from "node:path";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { ActionRecord } from "../model/record.ts";
import { disk, readStateIfReadable, writeFileAtomic } from "./disk.ts";
import { parseRecord } from "./records.ts";

/**
 * Every result ever made here, so that going back to an old config costs nothing. Spread over a few
 * hundred files by target, so that a build reads only what concerns it.
 */
export class History {
  readonly #folder: string;
  readonly #shelves = new Map<string, ActionRecord[]>();
  /** Shelves whose file is known to be whole lines, so that one more can be appended. */
  readonly #whole = new Set<string>();
  #tell: ((message: string) => void) | null = null;
  readonly #untold: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Who is to be told what was lost; also what was found out before. */
  tellLosses(tell: (message: string) => void): void {
    this.#tell = tell;
    for (const message of this.#untold.splice(0)) tell(message);
  }

  #lost(message: string): void {
    if (this.#tell === null) this.#untold.push(message);
    else this.#tell(message);
  }

  /** Results of this very key, the latest last. */
  ofKey(target: string, key: Digest): readonly ActionRecord[] {
    return this.#shelf(shelfOf(target)).filter((record) => record.key === key);
  }

  has(target: string): boolean {
    return this.#shelf(shelfOf(target)).some((record) => record.target === target);
  }

  /** Whether a run of this target ever made this content at this path. */
  made(target: string, path: string, digest: Digest): boolean {
    return this.#shelf(shelfOf(target)).some(({ outputs }) =>
      Object.values(outputs).some((output) => output.path === path && output.digest === digest),
    );
  }

  /** Takes a result for written, for a plan that changes nothing. */
  assume(record: ActionRecord): void {
    this.#shelf(shelfOf(record.target)).push(record);
  }

  /** Every result. Reads everything. */
  all(): readonly ActionRecord[] {
    const names = fs.existsSync(this.#folder) ? fs.readdirSync(this.#folder).sort() : [];
    return names.flatMap((name) => this.#shelf(name.replace(/\.jsonl$/, "")));
  }

  /** One whole line. A torn last line is skipped when the history is read, and goes with the next write. */
  add(record: ActionRecord): void {
    const shelf = shelfOf(record.target);
    const path = this.#pathOf(shelf);
    const known = this.#shelf(shelf);
    if (this.#whole.has(shelf)) disk.append(path, `${lineOf(record)}\n`);
    else writeFileAtomic(path, [...known, record].map((one) => `${lineOf(one)}\n`).join(""));
    this.#whole.add(shelf);
    known.push(record);
  }

  #shelf(shelf: string): ActionRecord[] {
    const known = this.#shelves.get(shelf);
    if (known !== undefined) return known;
    const text = readStateIfReadable(this.#pathOf(shelf));
    const lines = (text ?? "").split("\n");
    const torn = lines.pop() !== "";
    const records = lines.flatMap((line) => parseLine(line) ?? []);
    const damaged = lines.length - records.length + (torn ? 1 : 0);
    if (damaged > 0 || text === "") {
      this.#lost(
        `.aqm/history/${shelf}.jsonl is damaged: ${damaged} of ${Math.max(damaged, records.length + damaged)} results are lost; they are made again when they are needed`,
      );
    } else if (text !== null) this.#whole.add(shelf);
    this.#shelves.set(shelf, records);
    return records;
  }

  #pathOf(shelf: string): string {
    return join(this.#folder, `${shelf}.jsonl`);
  }
}

const shelfOf = (target: string): string =>
  digestOfBytes(target).slice("sha256:".length, "sha256:".length + 2);

/** The record and a digest of it, since most of a record is not covered by its key. */
function lineOf(record: ActionRecord): string {
  const text = JSON.stringify(record);
  return `${text}\t${digestOfBytes(text)}`;
}

function parseLine(line: string): ActionRecord | null {
  const end = line.lastIndexOf("\t"); // JSON has none
  const text = line.slice(0, Math.max(0, end));
  return digestOfBytes(text) === line.slice(end + 1) ? parseRecord(text) : null;
}

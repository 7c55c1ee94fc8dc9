import * as fs from "node:fs";
import { join } from "node:path";
import { standingAdoptions } from "../../keys/adoptions.ts";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import type { ActionRecord } from "../../model/record.ts";
import { disk, readStateIfReadable, writeFileAtomic } from "../disk/disk.ts";
import { parseRecord } from "./records.ts";

const KEY = /"key":"(sha256:[0-9a-f]{64})"/;

/** In the text of every result that was taken over; nearly no target has one, and parsing takes time. */
const ADOPTED = '"adopted"';

/** A line that is known to be whole; most are never looked into. */
class Entry {
  readonly text: string;
  /** Where `text` is a record, its key: a record begins with its schema, target and key. */
  readonly key: string;
  #record: ActionRecord | null | undefined;

  constructor(text: string, record?: ActionRecord) {
    this.text = text;
    this.key = KEY.exec(text)?.[1] ?? "";
    this.#record = record;
  }

  /** Null for what another version of aqm wrote. */
  get record(): ActionRecord | null {
    return (this.#record ??= parseRecord(this.text));
  }
}

/**
 * Every result ever made here, so that going back to an old config costs nothing. Spread over a few
 * hundred files by target, so that a build reads only what concerns it.
 */
export class History {
  readonly #folder: string;
  readonly #shelves = new Map<string, Entry[]>();
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
    return this.#shelf(shelfOf(target)).flatMap((entry) =>
      entry.key === key ? (entry.record ?? []) : [],
    );
  }

  has(target: string): boolean {
    return this.#ofTarget(target).length > 0;
  }

  /** Results that were taken over, the latest first, unless a run with the same params came later. */
  adoptions(target: string): readonly ActionRecord[] {
    const start = startOf(target);
    const mayBe = this.#shelf(shelfOf(target)).some(
      ({ text }) => text.startsWith(start) && text.includes(ADOPTED),
    );
    return mayBe ? standingAdoptions(this.#ofTarget(target)) : [];
  }

  /** Whether a run of this target ever made this content at this path. */
  made(target: string, path: string, digest: Digest): boolean {
    return this.#ofTarget(target).some(({ outputs }) =>
      Object.values(outputs).some((output) => output.path === path && output.digest === digest),
    );
  }

  /** Takes a result for written, for a plan that changes nothing. */
  assume(record: ActionRecord): void {
    this.#shelf(shelfOf(record.target)).push(new Entry(textOf(record), record));
  }

  /** Every result. Reads everything. */
  all(): readonly ActionRecord[] {
    const names = fs.existsSync(this.#folder) ? fs.readdirSync(this.#folder).sort() : [];
    return names.flatMap((name) =>
      this.#shelf(name.replace(/\.jsonl$/, "")).flatMap(({ record }) => record ?? []),
    );
  }

  /** One whole line. A torn last line is skipped when the history is read, and goes with the next write. */
  add(record: ActionRecord): void {
    const shelf = shelfOf(record.target);
    const path = this.#pathOf(shelf);
    const known = this.#shelf(shelf);
    const entry = new Entry(textOf(record), record);
    if (this.#whole.has(shelf)) {
      if (known.length === 0) disk.makeFolder(this.#folder);
      disk.append(path, lineOf(entry));
    } else writeFileAtomic(path, [...known, entry].map(lineOf).join(""));
    this.#whole.add(shelf);
    known.push(entry);
  }

  #ofTarget(target: string): readonly ActionRecord[] {
    const start = startOf(target);
    return this.#shelf(shelfOf(target)).flatMap((entry) =>
      entry.text.startsWith(start) ? (entry.record ?? []) : [],
    );
  }

  #shelf(shelf: string): Entry[] {
    const known = this.#shelves.get(shelf);
    if (known !== undefined) return known;
    const text = readStateIfReadable(this.#pathOf(shelf));
    const lines = (text ?? "").split("\n");
    const torn = lines.pop() !== "";
    const entries = lines.flatMap((line) => parseLine(line) ?? []);
    const damaged = lines.length - entries.length + (torn ? 1 : 0);
    if (damaged > 0 || text === "") {
      this.#lost(
        `.aqm/history/${shelf}.jsonl is damaged: ${damaged} of ${Math.max(damaged, entries.length + damaged)} results are lost; they are made again when they are needed`,
      );
    } else if (text !== null || !fs.existsSync(this.#pathOf(shelf))) this.#whole.add(shelf);
    this.#shelves.set(shelf, entries);
    return entries;
  }

  #pathOf(shelf: string): string {
    return join(this.#folder, `${shelf}.jsonl`);
  }
}

const shelfOf = (target: string): string =>
  digestOfBytes(target).slice("sha256:".length, "sha256:".length + 2);

const startOf = (target: string): string => `{"schema":1,"target":${JSON.stringify(target)},`;

/** What is looked for comes first: see `startOf` and `Entry`. */
const textOf = ({ schema, target, key, ...rest }: ActionRecord): string =>
  JSON.stringify({ schema, target, key, ...rest });

/** The record and its digest, since most of a record is not covered by its key. */
const lineOf = ({ text }: Entry): string => `${text}\t${digestOfBytes(text)}\n`;

function parseLine(line: string): Entry | null {
  const end = line.lastIndexOf("\t"); // JSON has none
  const text = line.slice(0, Math.max(0, end));
  return digestOfBytes(text) === line.slice(end + 1) ? new Entry(text) : null;
}

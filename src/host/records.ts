import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { ActionNode } from "../graph/graph.ts";
import { actionKey } from "../keys/describe.ts";
import { hasConflictMarkers } from "../keys/resolve.ts";
import { digestOfBytes, isDigest, type Digest } from "../model/digest.ts";
import type { Json } from "../model/json.ts";
import type { ActionRecord } from "../model/record.ts";
import { disk, readStateIfReadable, readTextIfExists, writeFileAtomic } from "./disk.ts";

/**
 * Lock records: one committed file a target below `aqm.lock/`, the last result of each action. And the
 * history: every result ever made here, so that going back to an old config costs nothing.
 */
export class Records {
  readonly #folder: string;
  readonly #historyPath: string;
  readonly #loaded = new Map<string, ActionRecord | null>();
  #history: Map<Digest, ActionRecord[]> | null = null;
  readonly #targetsInHistory = new Set<string>();
  /** Path and digest of all that was ever made; filled when it is asked for. */
  #made: Set<string> | null = null;
  /** Records that could not be read; shown to the user once. */
  readonly damaged: string[] = [];
  /** Of these, the ones that a merge left with conflict markers. */
  readonly conflicted = new Set<string>();

  constructor(lockFolder: string, historyPath: string) {
    this.#folder = lockFolder;
    this.#historyPath = historyPath;
  }

  record(node: ActionNode): ActionRecord | null {
    const known = this.#loaded.get(node.id);
    if (known !== undefined) return known;
    const path = this.pathOf(node.id);
    const text = readTextIfExists(path);
    const record = text === null ? null : this.#parse(text, path, node);
    this.#loaded.set(node.id, record);
    return record;
  }

  /** Results of this very key, the latest last. */
  history(key: Digest): readonly ActionRecord[] {
    this.#history ??= this.#loadHistory();
    return this.#history.get(key) ?? [];
  }

  inHistory(target: string): boolean {
    this.#history ??= this.#loadHistory();
    return this.#targetsInHistory.has(target);
  }

  /** Whether some record says that aqm made this content at this path. */
  made(node: ActionNode, path: string, digest: Digest): boolean {
    const outputs = Object.values(this.record(node)?.outputs ?? {});
    if (outputs.some((output) => output.path === path && output.digest === digest)) return true;
    this.#history ??= this.#loadHistory();
    this.#made ??= new Set([...this.#history.values()].flat().flatMap(madeBy));
    return this.#made.has(`${digest} ${path}`);
  }

  /** Durations of past runs by op, in seconds. */
  durations(): ReadonlyMap<string, readonly number[]> {
    this.#history ??= this.#loadHistory();
    const durations = new Map<string, number[]>();
    for (const record of [...this.#history.values()].flat()) {
      const list = durations.get(record.action.op.name);
      if (list === undefined) durations.set(record.action.op.name, [record.cost.seconds]);
      else list.push(record.cost.seconds);
    }
    return durations;
  }

  write(record: ActionRecord): void {
    writeFileAtomic(this.pathOf(record.target), lockRecordText(record));
    this.#loaded.set(record.target, record);
  }

  /** Takes a record for written, for a plan that changes nothing. */
  assume(record: ActionRecord): void {
    this.#loaded.set(record.target, record);
    this.#history ??= this.#loadHistory();
    this.#remember(this.#history, record);
  }

  /** One whole line, synced; a torn last line is skipped when the history is read. */
  addToHistory(record: ActionRecord): void {
    disk.makeFolder(dirname(this.#historyPath));
    const torn = !endsWithNewline(this.#historyPath);
    disk.append(this.#historyPath, `${torn ? "\n" : ""}${historyLine(record)}\n`);
    if (this.#history !== null) this.#remember(this.#history, record);
  }

  pathOf(target: string): string {
    return join(this.#folder, `${target}.json`);
  }

  #parse(text: string, path: string, node: ActionNode): ActionRecord | null {
    const record = parseRecord(text);
    const fits =
      record?.target === node.id &&
      Object.keys(node.declaration.outputs).every((role) => role in record.outputs);
    if (record !== null && fits) return record;
    // A record whose outputs were renamed since is merely old; anything else is damage.
    if (record === null) this.damaged.push(path);
    if (record === null && hasConflictMarkers(text)) this.conflicted.add(path);
    return null;
  }

  #loadHistory(): Map<Digest, ActionRecord[]> {
    const history = new Map<Digest, ActionRecord[]>();
    for (const line of (readStateIfReadable(this.#historyPath) ?? "").split("\n")) {
      if (line === "") continue;
      const record = parseHistoryLine(line);
      if (record !== null) this.#remember(history, record);
    }
    return history;
  }

  #remember(history: Map<Digest, ActionRecord[]>, record: ActionRecord): void {
    this.#targetsInHistory.add(record.target);
    if (this.#made !== null) for (const made of madeBy(record)) this.#made.add(made);
    const list = history.get(record.key);
    if (list === undefined) history.set(record.key, [record]);
    else list.push(record);
  }
}

const madeBy = (record: ActionRecord): readonly string[] =>
  Object.values(record.outputs).map(({ path, digest }) => `${digest} ${path}`);

/** Null unless the text is a record whose key is the digest of its own description. */
export function parseRecord(text: string): ActionRecord | null {
  try {
    const record = JSON.parse(text) as ActionRecord;
    return isWhole(record) && actionKey(record.action) === record.key ? record : null;
  } catch {
    return null;
  }
}

function isWhole(record: ActionRecord): boolean {
  const outputs = Object.values(record.outputs);
  return (
    (record.schema as number) === 1 &&
    typeof record.target === "string" &&
    typeof record.cost.seconds === "number" &&
    Object.values(record.input_paths).every((path) => typeof path === "string") &&
    [record.tools, record.facts].every((part) => typeof part === "object") &&
    Array.isArray(record.audit) &&
    outputs.every(
      ({ path, digest, size }) =>
        typeof path === "string" && isDigest(digest) && typeof size === "number",
    ) &&
    Object.values(record.action.inputs).every(isDigest)
  );
}

/** The record and a digest of it, since most of a record is not covered by its key. */
function historyLine(record: ActionRecord): string {
  const text = JSON.stringify(record);
  return `${text}\t${digestOfBytes(text)}`;
}

function parseHistoryLine(line: string): ActionRecord | null {
  const end = line.lastIndexOf("\t"); // JSON has none; earlier versions wrote no digest
  const text = end < 0 ? line : line.slice(0, end);
  if (end >= 0 && digestOfBytes(text) !== line.slice(end + 1)) return null;
  return parseRecord(text);
}

/** Keys sorted at every level, two spaces, one value a line: what a merge can work with. */
export function lockRecordText(record: ActionRecord): string {
  return `${JSON.stringify(sorted(record as unknown as Json), null, 2)}\n`;
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const object = value as Readonly<Record<string, Json>>;
  return Object.fromEntries(
    Object.keys(object)
      .sort()
      .map((key) => [key, sorted(object[key] ?? null)]),
  );
}

function endsWithNewline(path: string): boolean {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.size === 0) return true;
  const handle = fs.openSync(path, "r");
  const last = Buffer.alloc(1);
  fs.readSync(handle, last, 0, 1, stat.size - 1);
  fs.closeSync(handle);
  return last[0] === 0x0a;
}

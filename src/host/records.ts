import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { ActionNode } from "../graph/graph.ts";
import { actionKey } from "../keys/describe.ts";
import { hasConflictMarkers } from "../keys/resolve.ts";
import { digestOfBytes, isDigest, type Digest } from "../model/digest.ts";
import { canonicalJson, type Json, type JsonObject } from "../model/json.ts";
import type { ActionRecord } from "../model/record.ts";
import { disk, errorCode, readState, writeFileAtomic } from "./disk.ts";

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
  /** The whole lines of a history that has others, too; null while none is known to be damaged. */
  #wholeLines: readonly string[] | null = null;
  #tell: ((message: string) => void) | null = null;
  readonly #untold: string[] = [];
  /** Records that could not be read; shown to the user once. */
  readonly damaged: string[] = [];
  /** Of these, the ones that a merge left with conflict markers. */
  readonly conflicted = new Set<string>();

  constructor(lockFolder: string, historyPath: string) {
    this.#folder = lockFolder;
    this.#historyPath = historyPath;
  }

  /** Who is to be told what was lost of the history; also what was found out before. */
  tellLosses(tell: (message: string) => void): void {
    this.#tell = tell;
    for (const message of this.#untold.splice(0)) tell(message);
  }

  record(node: ActionNode): ActionRecord | null {
    const known = this.#loaded.get(node.id);
    if (known !== undefined) return known;
    const path = this.pathOf(node.id);
    const text = readState(path);
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

  /** One whole line. A torn last line is skipped when the history is read, and goes with the next write. */
  addToHistory(record: ActionRecord): void {
    disk.makeFolder(dirname(this.#historyPath));
    const line = historyLine(record);
    const sound = canBeContinued(this.#historyPath);
    if (!sound) this.#history ??= this.#loadHistory(); // tells what is lost, before it is replaced
    if (this.#wholeLines !== null || !sound) {
      const lines = [...(this.#wholeLines ?? []), line];
      writeFileAtomic(this.#historyPath, `${lines.join("\n")}\n`);
      this.#wholeLines = null;
    } else {
      const torn = !endsWithNewline(this.#historyPath);
      disk.append(this.#historyPath, `${torn ? "\n" : ""}${line}\n`);
    }
    if (this.#history !== null) this.#remember(this.#history, record);
  }

  pathOf(target: string): string {
    return join(this.#folder, `${target}.json`);
  }

  #parse(text: string, path: string, node: ActionNode): ActionRecord | null {
    const record = parseLockRecord(text);
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
    const text = readState(this.#historyPath);
    const whole: string[] = [];
    let damaged = 0;
    for (const line of (text ?? "").split("\n")) {
      if (line === "") continue;
      const record = parseHistoryLine(line);
      if (record === null) damaged += 1;
      else {
        this.#remember(history, record);
        whole.push(line);
      }
    }
    if (damaged > 0) this.#wholeLines = whole;
    if (text === "") this.#lost(`.aqm/history.jsonl is empty or cannot be read: ${FORGOTTEN}`);
    if (damaged > 0) {
      const all = damaged + whole.length;
      this.#lost(`.aqm/history.jsonl: ${damaged} of ${all} records are damaged: ${FORGOTTEN}`);
    }
    return history;
  }

  #lost(message: string): void {
    if (this.#tell === null) this.#untold.push(message);
    else this.#tell(message);
  }

  #remember(history: Map<Digest, ActionRecord[]>, record: ActionRecord): void {
    this.#targetsInHistory.add(record.target);
    const list = history.get(record.key);
    if (list === undefined) history.set(record.key, [record]);
    else list.push(record);
  }
}

const FORGOTTEN = "results that only it knew are made again when they are needed";

/** Null unless the text is a whole record: see `lockRecordText`. */
export function parseLockRecord(text: string): ActionRecord | null {
  try {
    const { seal, ...record } = JSON.parse(text) as ActionRecord & { readonly seal?: Json };
    // Earlier versions wrote no seal; but then nothing else is there in its place.
    if (seal === undefined ? !Object.keys(record).every(isField) : seal !== sealOf(record)) {
      return null;
    }
    return isWhole(record) && actionKey(record.action) === record.key ? record : null;
  } catch {
    return null;
  }
}

const FIELDS = "schema target key action input_paths outputs cost tools facts audit".split(" ");
const isField = (name: string): boolean => FIELDS.includes(name);

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

/**
 * Keys sorted at every level, two spaces, one value a line: what a merge can work with. The seal is a
 * digest of what the key does not cover: no flipped bit, or half of another's record, is believed.
 */
export function lockRecordText(record: ActionRecord): string {
  const sealed = { ...record, seal: sealOf(record) };
  return `${JSON.stringify(sorted(sealed as unknown as Json), null, 2)}\n`;
}

const sealOf = ({ action: _covered, ...record }: ActionRecord): Digest =>
  digestOfBytes(canonicalJson(record as unknown as JsonObject));

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

/** Whether there is no history yet, or one that a line can simply be added to. */
function canBeContinued(path: string): boolean {
  try {
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return readState(path) === null;
    if (stat.isFile()) fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
    return stat.isFile() && stat.size > 0;
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return false;
  }
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

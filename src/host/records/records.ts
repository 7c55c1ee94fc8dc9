import * as fs from "node:fs";
import type { ActionNode } from "../../graph/graph.ts";
import { actionKey } from "../../keys/describe.ts";
import { hasConflictMarkers } from "../../keys/resolve.ts";
import { digestOfBytes, isDigest, type Digest } from "../../model/digest.ts";
import { canonicalJson, type Json, type JsonObject } from "../../model/json.ts";
import { whyNotInside } from "../../model/inside.ts";
import { adoptionOf } from "../../model/adoption.ts";
import { provenanceText } from "../../model/provenance.ts";
import { ABSENT, UNKNOWN, type ActionRecord } from "../../model/record.ts";
import {
  disk,
  errorCode,
  readState,
  writeFileAtomic,
  writeFileSoon,
  type ComingFile,
} from "../disk/disk.ts";
import { lstatIfThere, obstacleAbove } from "../disk/stat.ts";
import type { Evidence } from "../evidence/evidence.ts";
import { statOf } from "../evidence/ways.ts";

/** Lock records: one committed file a target below `aqm.lock/`, the last result of each action. */
export class Records {
  readonly #folder: string;
  readonly #evidence: Evidence | null;
  readonly #loaded = new Map<string, ActionRecord | null>();
  /** What each folder holds; null where that cannot be told. */
  readonly #names = new Map<string, ReadonlySet<string> | null>();
  /** Records that could not be read; shown to the user once. */
  readonly damaged: string[] = [];
  /** Of these, the ones that a merge left with conflict markers. */
  readonly conflicted = new Set<string>();

  constructor(lockFolder: string, evidence: Evidence | null = null) {
    this.#folder = lockFolder;
    this.#evidence = evidence;
  }

  record(node: ActionNode): ActionRecord | null {
    const known = this.#loaded.get(node.id);
    if (known !== undefined) return known;
    const path = this.pathOf(node.id);
    const there = this.#isListed(path);
    this.#evidence?.notePlace(path, there ? statOf(path) : undefined);
    const text = there ? readState(path) : null;
    const record = text === null ? null : this.#parse(text, path, node);
    this.#loaded.set(node.id, record);
    return record;
  }

  /** A folder is listed once: asking for thousands of records that are not there would cost more. */
  #isListed(path: string): boolean {
    const end = path.lastIndexOf("/");
    const folder = path.slice(0, end);
    let names = this.#names.get(folder);
    if (names === undefined) {
      names = namesIn(folder);
      this.#names.set(folder, names);
    }
    return names === null || names.has(path.slice(end + 1));
  }

  /** Whether there is a record of a target that is called as its output, and gives it this content. */
  recorded(path: string, digest: Digest): boolean {
    const text = readState(this.pathOf(path));
    const record = text === null ? null : parseLockRecord(text);
    const outputs = Object.values(record?.outputs ?? {});
    return outputs.some((output) => output.path === path && output.digest === digest);
  }

  write(record: ActionRecord): void {
    const path = this.#wayTo(record.target);
    writeFileAtomic(path, lockRecordText(record));
    this.#written(path, record);
  }

  /** The same in two steps: the record counts once it has its place. */
  writeSoon(record: ActionRecord): ComingFile {
    const path = this.#wayTo(record.target);
    const file = writeFileSoon(path, lockRecordText(record));
    const place = (): void => {
      file.place();
      this.#written(path, record);
    };
    return { ...file, place };
  }

  /**
   * The path of a record, after what stands in its way was removed: the record of `a`, which is the file
   * `a.json`, while one of `a.json/b` is written, or the other way round. An Aqmfile that declares both is
   * refused, so what stands there is of a target that is not declared any more.
   */
  #wayTo(target: string): string {
    const path = this.pathOf(target);
    const obstacle = obstacleAbove(this.#folder, `${target}.json`);
    if (obstacle !== null) disk.remove(`${this.#folder}/${obstacle}`);
    if (lstatIfThere(path)?.isDirectory() === true) disk.remove(path);
    return path;
  }

  #written(path: string, record: ActionRecord): void {
    this.#evidence?.noteMade(path, fs.statSync(path));
    this.#loaded.set(record.target, record);
  }

  /** Takes a record for written, for a plan that changes nothing. */
  assume(record: ActionRecord): void {
    this.#loaded.set(record.target, record);
  }

  pathOf(target: string): string {
    return `${this.#folder}/${target}.json`;
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
}

/** What the record at an absolute path says of its run; null where there is none, or none that is whole. */
export function provenanceAt(path: string): string | null {
  const text = readState(path);
  const record = text === null ? null : parseLockRecord(text);
  return record === null ? null : provenanceText(record);
}

/** Null unless the text is a whole record: see `lockRecordText`. */
export function parseLockRecord(text: string): ActionRecord | null {
  try {
    const { seal, ...record } = JSON.parse(text) as ActionRecord & { readonly seal?: Json };
    // Earlier versions wrote no seal; but then nothing else is there in its place.
    if (seal === undefined ? !Object.keys(record).every(isField) : !isSealed(record, seal)) {
      return null;
    }
    return isWhole(record) && isKeyed(record) ? record : null;
  } catch {
    return null;
  }
}

const isSealed = (record: ActionRecord, seal: Json): boolean =>
  digestAsWritten(withoutAction(record)) === seal || sealOf(record) === seal;

const isKeyed = ({ action, key }: ActionRecord): boolean =>
  digestAsWritten(action) === key || actionKey(action) === key;

/**
 * Records are written with sorted keys, so as it was read a part nearly always is its canonical text
 * already. Sorting takes several times as long, so it is done only if this digest does not fit.
 */
const digestAsWritten = (part: object): Digest => digestOfBytes(JSON.stringify(part));

const FIELDS = "schema target key action input_paths outputs cost made_on tools facts audit".split(
  " ",
);
const isField = (name: string): boolean => FIELDS.includes(name);

/** Null unless the text is a record whose key is the digest of its own description. */
export function parseRecord(text: string): ActionRecord | null {
  try {
    const record = JSON.parse(text) as ActionRecord;
    return isWhole(record) && isKeyed(record) ? record : null;
  } catch {
    return null;
  }
}

function isWhole(record: ActionRecord): boolean {
  const outputs = Object.values(record.outputs);
  return (
    (record.schema as number) === 1 &&
    whyNotInside(record.target) === null &&
    typeof record.cost.seconds === "number" &&
    Object.values(record.input_paths).every((path) => whyNotInside(path) === null) &&
    [record.tools, record.facts].every((part) => typeof part === "object") &&
    Array.isArray(record.audit) &&
    outputs.every(
      ({ path, digest, size }) =>
        whyNotInside(path) === null && isDigest(digest) && typeof size === "number",
    ) &&
    // Only an adopted result may have unknown inputs.
    Object.values(record.action.inputs).every((digest) =>
      digest === UNKNOWN ? adoptionOf(record) !== null : digest === ABSENT || isDigest(digest),
    )
  );
}

/**
 * Keys sorted at every level, two spaces, one value a line: what a merge can work with. The seal is a
 * digest of what the key does not cover, so that neither a flipped bit nor half of another branch's
 * record is ever believed.
 */
export function lockRecordText(record: ActionRecord): string {
  const sealed = { ...record, seal: sealOf(record) };
  return `${JSON.stringify(sorted(sealed as unknown as Json), null, 2)}\n`;
}

const sealOf = (record: ActionRecord): Digest =>
  digestOfBytes(canonicalJson(withoutAction(record) as unknown as JsonObject));

/** What the key does not cover. */
const withoutAction = ({ action: _covered, ...record }: ActionRecord): object => record;

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

function namesIn(folder: string): ReadonlySet<string> | null {
  try {
    return new Set(fs.existsSync(folder) ? fs.readdirSync(folder) : []);
  } catch (error) {
    return ["ENOENT", "ENOTDIR"].includes(errorCode(error)) ? new Set() : null;
  }
}

import { adoptionOf } from "../../model/adoption.ts";
import { digestOfFolder, isDigest, type Digest } from "../../model/digest.ts";
import { whyNotInside } from "../../model/inside.ts";
import { findClash } from "../../model/name-clash.ts";
import type { ActionRecord } from "../../model/record.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { parseRecord } from "../records/records.ts";
import { encodeActionResult, saidIn, type Piece } from "./action-result.ts";

/**
 * A file of more bytes lies in the cache as pieces of so many: each is held against its digest when it has come,
 * so a transfer that breaks off goes on with the next piece, and none needs more memory than that.
 */
export const PIECE = 64 * 1024 * 1024;

/** The most bytes that an entry may have: about a folder of 300,000 files. */
export const LARGEST_ENTRY = 64 * 1024 * 1024;

/** What lies under a key: the record of a result, and what its outputs are made of. */
export interface Entry {
  readonly record: ActionRecord;
  /** Of each file its pieces, in their order. */
  readonly files: ReadonlyMap<Digest, readonly Piece[]>;
  /** Of each folder its files: path in the folder, digest. */
  readonly folders: ReadonlyMap<Digest, FolderList>;
}

export type FolderList = readonly (readonly [path: string, digest: Digest])[];

interface Written {
  readonly schema: 1;
  readonly record: ActionRecord;
  /** A file of one piece is that piece, so its size says all. */
  readonly files: Readonly<Record<string, number | readonly (readonly [Digest, number])[]>>;
  readonly folders: Readonly<Record<string, FolderList>>;
}

export function encodeEntry({ record, files, folders }: Entry): Uint8Array {
  const written: Written = {
    schema: 1,
    record,
    files: Object.fromEntries(
      [...files].map(([digest, pieces]) => {
        const [only] = pieces;
        const isOne = pieces.length === 1 && only?.digest === digest;
        return [digest, isOne ? only.size : pieces.map((piece) => [piece.digest, piece.size])];
      }),
    ),
    folders: Object.fromEntries(folders),
  };
  const contents = new Map<Digest, Piece>();
  for (const piece of [...files.values()].flat()) contents.set(piece.digest, piece);
  return encodeActionResult({
    contents: [...contents.values()],
    said: Buffer.from(JSON.stringify(written)),
  });
}

/**
 * The entry that lies under a key, or why it is none: whoever may write the cache may have written anything. What
 * is accepted describes the action with this key, has exactly its outputs, and can only make files below them.
 */
export function decodeEntry(bytes: Uint8Array, key: Digest): Result<Entry, string> {
  const said = saidIn(bytes);
  if (said === null) return err("it is no ActionResult of aqm");
  try {
    const written = JSON.parse(Buffer.from(said).toString("utf8")) as Written;
    if ((written.schema as number) !== 1) return err("another version of aqm wrote it");
    const record = parseRecord(JSON.stringify(written.record));
    if (record === null) return err("its record is not whole");
    if (record.key !== key) return err("its record is of another action");
    if (adoptionOf(record) !== null) return err("its record is of an adopted result");
    const files = new Map(
      Object.entries(written.files).map(([digest, told]) => [
        digestIn(digest),
        typeof told === "number"
          ? [pieceOf(digest, told)]
          : told.map(([piece, size]) => pieceOf(piece, size)),
      ]),
    );
    const folders = new Map(
      Object.entries(written.folders).map(([digest, list]) => [
        digestIn(digest),
        folderIn(digest, list, files),
      ]),
    );
    const wrong = wrongOutput(record, files, folders);
    return wrong === null ? ok({ record, files, folders }) : err(wrong);
  } catch (error) {
    return err(error instanceof Wrong ? error.message : "it is damaged");
  }
}

/** Why an entry is refused; does not leave this module. */
class Wrong extends Error {}

function digestIn(text: unknown): Digest {
  if (typeof text === "string" && isDigest(text)) return text;
  throw new Wrong("it names something that is no digest");
}

function pieceOf(digest: unknown, size: unknown): Piece {
  const whole = typeof size === "number" && Number.isInteger(size) && size >= 0 && size <= PIECE;
  if (!whole) throw new Wrong("it names a content of an impossible size");
  return { digest: digestIn(digest), size };
}

function folderIn(
  digest: string,
  list: FolderList,
  files: ReadonlyMap<Digest, unknown>,
): FolderList {
  for (const [path, file] of list) {
    const odd = whyNotInside(path);
    if (odd !== null) throw new Wrong(`a name in one of its folders ${odd}`);
    if (!files.has(file)) throw new Wrong("it does not say what its files are made of");
  }
  const clash = findClash(list.map(([path]) => path).sort());
  if (clash !== null) throw new Wrong("two names in one of its folders are one on other systems");
  if (digestOfFolder(list) !== digest) throw new Wrong("the list of one of its folders is damaged");
  return list;
}

/** The outputs of the description, which the key covers, are the only ones; each is a content of the entry. */
function wrongOutput(
  { action, outputs }: ActionRecord,
  files: Entry["files"],
  folders: Entry["folders"],
): string | null {
  if (Object.keys(outputs).sort().join("\n") !== Object.keys(action.outputs).sort().join("\n"))
    return "its outputs are not those of its action";
  for (const [role, { path, kind }] of Object.entries(action.outputs)) {
    const output = outputs[role];
    if (output?.path !== path) return `its output ${role} is not where its action writes it`;
    const list = kind === "folder" ? folders.get(output.digest) : [["", output.digest] as const];
    const pieces = list?.map(([, file]) => files.get(file));
    if (pieces === undefined || pieces.includes(undefined))
      return `it does not say what its output ${role} is made of`;
    const size = pieces.flatMap((one) => one ?? []).reduce((sum, piece) => sum + piece.size, 0);
    if (size !== output.size) return `its output ${role} is not as large as its record says`;
  }
  return null;
}

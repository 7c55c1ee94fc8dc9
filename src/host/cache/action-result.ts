import type { Digest } from "../../model/digest.ts";

/** Bytes that lie in a cache under their own digest. */
export interface Piece {
  readonly digest: Digest;
  readonly size: number;
}

/**
 * The `ActionResult` of Bazel's remote execution API, as far as it is used here: servers of its cache protocol
 * check that what lies under `/ac/` is one, and keep the contents that it lists together with it.
 * https://github.com/bazelbuild/remote-apis/blob/main/build/bazel/remote/execution/v2/remote_execution.proto
 */
export interface ActionResult {
  /** `output_files`: the contents that belong to the result. */
  readonly contents: readonly Piece[];
  /** `stdout_raw`: what the result says of itself. */
  readonly said: Uint8Array;
}

/** Numbers of fields, which with the wire type make the tag before each. */
const OUTPUT_FILES = 2;
const STDOUT_RAW = 5;
const PATH = 1;
const DIGEST = 2;
const HASH = 1;
const SIZE = 2;
/** Wire types. */
const VARINT = 0;
const BYTES = 2;

export function encodeActionResult({ contents, said }: ActionResult): Uint8Array {
  const files = contents.map(({ digest, size }) => {
    const hex = digest.slice("sha256:".length);
    const told = [bytesField(HASH, Buffer.from(hex)), tag(SIZE, VARINT), varint(size)];
    const file = [bytesField(PATH, Buffer.from(hex)), bytesField(DIGEST, Buffer.concat(told))];
    return bytesField(OUTPUT_FILES, Buffer.concat(file));
  });
  return Buffer.concat([...files, bytesField(STDOUT_RAW, said)]);
}

/** `stdout_raw` of an action result; null where the bytes are none. */
export function saidIn(bytes: Uint8Array): Uint8Array | null {
  let said: Uint8Array | null = null;
  for (let at = 0; at < bytes.length;) {
    const key = readVarint(bytes, at);
    if (key === null) return null;
    at = key.end;
    const [field, type] = [Math.floor(key.value / 8), key.value % 8];
    if (field === 0) return null;
    if (type === VARINT) {
      const skipped = readVarint(bytes, at);
      if (skipped === null) return null;
      at = skipped.end;
      continue;
    }
    const length =
      type === BYTES ? readVarint(bytes, at) : { value: FIXED[type] ?? Infinity, end: at };
    if (length === null || length.end + length.value > bytes.length) return null;
    at = length.end + length.value;
    if (field === STDOUT_RAW && type === BYTES) said = bytes.subarray(length.end, at);
  }
  return said;
}

/** Bytes of the wire types that have a fixed length. */
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

const tag = (field: number, type: number): Buffer => varint(field * 8 + type);

const bytesField = (field: number, content: Uint8Array): Buffer =>
  Buffer.concat([tag(field, BYTES), varint(content.length), content]);

/** Seven bits a byte, lowest first; the eighth says that more follow. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Buffer.from([...bytes, rest]);
}

/** Null where the bytes end, or the number is larger than JavaScript counts exactly. */
function readVarint(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let at = start, unit = 1; at < bytes.length && unit <= 2 ** 49; at++, unit *= 0x80) {
    const byte = bytes[at] ?? 0;
    value += (byte % 0x80) * unit;
    if (byte < 0x80) return Number.isSafeInteger(value) ? { value, end: at + 1 } : null;
  }
  return null;
}

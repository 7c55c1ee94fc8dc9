import type { Digest } from "./digest.ts";

/** One blob of the store. */
export interface StoredBlob {
  readonly digest: Digest;
  readonly bytes: number;
  /** When it was last put in or taken out; any unit that grows. */
  readonly usedAt: number;
  /** For the list of a folder: its files. They are of use together only. */
  readonly members: readonly Digest[];
}

export interface Retention {
  /** In the order in which they may be removed one after the other. */
  readonly dropped: readonly StoredBlob[];
  readonly kept: readonly StoredBlob[];
  readonly keptBytes: number;
  /** Kept blobs that must not be dropped, even above the bound. */
  readonly pinned: number;
  readonly pinnedBytes: number;
}

/**
 * What to drop so that the store holds at most `limit` bytes: least recently used first, never
 * anything that is pinned, and never a file of a folder whose list stays.
 */
export function retain(
  blobs: readonly StoredBlob[],
  roots: ReadonlySet<Digest>,
  limit: number,
): Retention {
  const byDigest = new Map(blobs.map((blob) => [blob.digest, blob]));
  const pinned = reachable(blobs, byDigest, roots);
  const lists = listsByMember(blobs, byDigest);
  const used = lastUses(blobs, lists);
  const order = blobs
    .filter((blob) => !pinned.has(blob))
    .sort((a, b) => (used.get(a) ?? 0) - (used.get(b) ?? 0) || (a.digest < b.digest ? -1 : 1));
  let bytes = sum(blobs);
  const dropped = new Set<StoredBlob>();
  const drop = (blob: StoredBlob): void => {
    if (dropped.has(blob)) return;
    for (const list of lists.get(blob) ?? []) drop(list); // a folder without one file is none
    dropped.add(blob);
    bytes -= blob.bytes;
  };
  for (const blob of order) {
    if (bytes <= limit) break;
    drop(blob);
  }
  return {
    dropped: [...dropped],
    kept: blobs.filter((blob) => !dropped.has(blob)),
    keptBytes: bytes,
    pinned: pinned.size,
    pinnedBytes: sum([...pinned]),
  };
}

const sum = (blobs: readonly StoredBlob[]): number =>
  blobs.reduce((total, { bytes }) => total + bytes, 0);

function reachable(
  blobs: readonly StoredBlob[],
  byDigest: ReadonlyMap<Digest, StoredBlob>,
  roots: ReadonlySet<Digest>,
): ReadonlySet<StoredBlob> {
  const found = new Set<StoredBlob>();
  const pending = blobs.filter(({ digest }) => roots.has(digest));
  for (let blob = pending.pop(); blob !== undefined; blob = pending.pop()) {
    if (found.has(blob)) continue;
    found.add(blob);
    for (const member of blob.members) {
      const file = byDigest.get(member);
      if (file !== undefined) pending.push(file);
    }
  }
  return found;
}

function listsByMember(
  blobs: readonly StoredBlob[],
  byDigest: ReadonlyMap<Digest, StoredBlob>,
): ReadonlyMap<StoredBlob, readonly StoredBlob[]> {
  const lists = new Map<StoredBlob, StoredBlob[]>();
  for (const list of blobs) {
    for (const member of list.members) {
      const file = byDigest.get(member);
      if (file === undefined) continue;
      const known = lists.get(file);
      if (known === undefined) lists.set(file, [list]);
      else known.push(list);
    }
  }
  return lists;
}

/** A file was used when it was, or when a folder that holds it was. */
function lastUses(
  blobs: readonly StoredBlob[],
  lists: ReadonlyMap<StoredBlob, readonly StoredBlob[]>,
): ReadonlyMap<StoredBlob, number> {
  const used = new Map<StoredBlob, number>();
  const lastUse = (blob: StoredBlob): number => {
    const known = used.get(blob);
    if (known !== undefined) return known;
    const last = (lists.get(blob) ?? []).reduce(
      (latest, list) => Math.max(latest, lastUse(list)),
      blob.usedAt,
    );
    used.set(blob, last);
    return last;
  };
  for (const blob of blobs) lastUse(blob);
  return used;
}

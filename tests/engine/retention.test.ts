import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import { retain, type StoredBlob } from "../../src/model/retention.ts";
import { parseSize } from "../../src/model/size.ts";
import { runs } from "../rig/wide.ts";

const digest = (name: string | number): Digest => digestOfBytes(String(name));

/** Blobs of which some are lists of others; as with real digests, no list can hold itself. */
const store = fc
  .array(
    fc.record({
      bytes: fc.nat(100),
      usedAt: fc.nat(20), // few, so that ties are common
      members: fc.array(fc.nat(1000), { maxLength: 4 }),
      isList: fc.boolean(),
    }),
    { maxLength: 40 },
  )
  .map((drafts) =>
    drafts.map(({ bytes, usedAt, members, isList }, index): StoredBlob => {
      // A member that is not stored (index beyond the end) is lost, as after a crash.
      const below = isList && index > 0 ? members.map((member) => member % (index + 1)) : [];
      const named = below.map((member) => digest(member === index ? "lost" : member));
      return { digest: digest(index), bytes, usedAt, members: named };
    }),
  );
const roots = fc.array(fc.nat(50)).map((list) => new Set(list.map(digest)));
const limit = fc.nat(2000);
const check = (
  property: (blobs: readonly StoredBlob[], roots: ReadonlySet<Digest>, limit: number) => void,
): void => fc.assert(fc.property(store, roots, limit, property), { numRuns: runs(2000) });

/** Straight from the definition, and slow. */
function reachable(blobs: readonly StoredBlob[], roots: ReadonlySet<Digest>): Set<Digest> {
  const found = new Set<Digest>();
  for (let grew = true; grew;) {
    grew = false;
    for (const { digest: own, members } of blobs) {
      const wanted = roots.has(own) || found.has(own);
      for (const each of wanted ? [own, ...members] : []) {
        if (found.has(each) || !blobs.some((blob) => blob.digest === each)) continue;
        found.add(each);
        grew = true;
      }
    }
  }
  return found;
}

const total = (blobs: readonly StoredBlob[]): number =>
  blobs.reduce((sum, { bytes }) => sum + bytes, 0);

describe("what the store retains", () => {
  it("is everything that a root reaches, whatever the bound (P11)", () => {
    check((blobs, roots, limit) => {
      const { kept, pinned, pinnedBytes } = retain(blobs, roots, limit);
      const wanted = reachable(blobs, roots);
      const keptDigests = new Set(kept.map((blob) => blob.digest));
      for (const each of wanted) expect(keptDigests.has(each)).toBe(true);
      expect(pinned).toBe(wanted.size);
      expect(pinnedBytes).toBe(total(blobs.filter((blob) => wanted.has(blob.digest))));
    });
  });

  it("fits the bound, unless nothing but what is pinned is left", () => {
    check((blobs, roots, limit) => {
      const { kept, keptBytes, pinned } = retain(blobs, roots, limit);
      expect(keptBytes).toBe(total(kept));
      expect(keptBytes <= limit || kept.length === pinned).toBe(true);
    });
  });

  it("is kept or dropped, each blob once, and nothing is dropped while all fits", () => {
    check((blobs, roots, limit) => {
      const { kept, dropped } = retain(blobs, roots, limit);
      expect(new Set([...kept, ...dropped])).toEqual(new Set(blobs));
      expect(kept.length + dropped.length).toBe(blobs.length);
      if (total(blobs) <= limit) expect(dropped).toEqual([]);
    });
  });

  it("keeps no more free than it must drop: with the last dropped one it would not fit", () => {
    check((blobs, roots, limit) => {
      const { dropped, keptBytes } = retain(blobs, roots, limit);
      const last = dropped.at(-1);
      if (last === undefined) return;
      // The lists that hold the last one go together with it.
      const together = dropped.filter(
        (blob) => blob === last || reachable(blobs, new Set([blob.digest])).has(last.digest),
      );
      expect(keptBytes + total(together)).toBeGreaterThan(limit);
    });
  });

  it("drops the least recently used first; a file was used when its folder was", () => {
    check((blobs, roots, limit) => {
      const { kept, dropped } = retain(blobs, roots, limit);
      const lastUse = (blob: StoredBlob): number =>
        Math.max(
          ...blobs
            .filter((other) => reachable(blobs, new Set([other.digest])).has(blob.digest))
            .map(({ usedAt }) => usedAt),
        );
      const pinned = reachable(blobs, roots);
      const free = kept.filter((blob) => !pinned.has(blob.digest));
      const newestDropped = Math.max(-1, ...dropped.map(lastUse));
      const oldestKept = Math.min(Infinity, ...free.map(lastUse));
      expect(newestDropped).toBeLessThanOrEqual(oldestKept);
    });
  });

  it("never has a list without its files, not even between two removals", () => {
    check((blobs, roots, limit) => {
      const { dropped } = retain(blobs, roots, limit);
      const left = new Map(blobs.map((blob) => [blob.digest, blob]));
      const whole = new Set(
        blobs
          .filter(({ members }) => members.every((member) => left.has(member)))
          .map((blob) => blob.digest),
      );
      for (const { digest: gone } of dropped) {
        left.delete(gone);
        for (const { digest: own, members } of left.values()) {
          if (whole.has(own)) expect(members.every((member) => left.has(member))).toBe(true);
        }
      }
    });
  });
});

describe("sizes", () => {
  it.each([
    ["20GB", 20e9],
    ["20 gb", 20e9],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["300m", 300e6],
    ["4096", 4096],
    ["0", 0],
    ["7B", 7],
  ])("%s", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(["", "GB", "-1", "1e9", "ten", "5 GBs", "1 2", "0x10"])("%j is none", (text) =>
    expect(parseSize(text)).toBeNull(),
  );
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { checksum } from "../../src/host/disk/checksum.ts";

const bytes = fc.uint8Array({ minLength: 1, maxLength: 70 });

it("is the same for the same bytes, wherever in memory they lie", () => {
  fc.assert(
    fc.property(bytes, fc.nat({ max: 7 }), (content, offset) => {
      const moved = Buffer.concat([Buffer.alloc(offset), content]).subarray(offset);
      expect(checksum(moved)).toBe(checksum(content));
    }),
  );
});

it("tells of every flipped bit", () => {
  fc.assert(
    fc.property(bytes, (content) => {
      const sums = new Set([checksum(content)]);
      for (let bit = 0; bit < content.length * 8; bit++) {
        const flipped = Uint8Array.from(content);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        sums.add(checksum(flipped));
      }
      expect(sums.size).toBe(content.length * 8 + 1);
    }),
  );
});

it("tells of a cut, of an exchange, and of what is added", () => {
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      expect(checksum(Buffer.concat([one, other]))).not.toBe(checksum(one));
      fc.pre(Buffer.compare(one, other) !== 0);
      const swapped = Buffer.concat([other, one]);
      fc.pre(Buffer.compare(Buffer.concat([one, other]), swapped) !== 0);
      expect(checksum(Buffer.concat([one, other]))).not.toBe(checksum(swapped));
    }),
  );
});

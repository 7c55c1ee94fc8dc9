import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  digestOfBytes,
  digestOfFolder,
  digestOfJson,
  isDigest,
  shortDigest,
  type Digest,
} from "../../src/model/digest.ts";

describe("digests", () => {
  it("are SHA-256 of the bytes, as sha256:<hex>", () => {
    expect(digestOfBytes("")).toBe(
      "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const hex = createHash("sha256").update(bytes).digest("hex");
        expect(digestOfBytes(bytes)).toBe(`sha256:${hex}`);
      }),
    );
  });

  it("of text are those of its UTF-8", () => {
    expect(digestOfBytes("größe ✓")).toBe(digestOfBytes(new TextEncoder().encode("größe ✓")));
  });

  it("of JSON are those of its canonical text", () => {
    expect(digestOfJson({ b: 1, a: [] })).toBe(digestOfBytes('{"a":[],"b":1}'));
  });

  it("of a folder are those of its sorted list of path and digest", () => {
    const [one, two] = [digestOfBytes("1"), digestOfBytes("2")];
    expect(
      digestOfFolder([
        ["b", two],
        ["a/x", one],
      ]),
    ).toBe(digestOfBytes(`[["a/x","${one}"],["b","${two}"]]`));
    expect(digestOfFolder([])).toBe(digestOfBytes("[]"));
  });

  it("of a folder do not depend on the order of listing", () => {
    const files = fc.uniqueArray(
      fc.tuple(
        fc.string({ minLength: 1 }),
        fc.string().map((text): Digest => digestOfBytes(text)),
      ),
      { selector: ([path]) => path },
    );
    fc.assert(
      fc.property(files, (list) => {
        expect(digestOfFolder([...list].reverse())).toBe(digestOfFolder(list));
      }),
    );
  });

  it("are recognised exactly, and shortened for people", () => {
    const digest = digestOfBytes("x");
    expect(isDigest(digest)).toBe(true);
    expect(isDigest(digest.toUpperCase())).toBe(false);
    expect(isDigest(`${digest}0`)).toBe(false);
    expect(isDigest(digest.slice("sha256:".length))).toBe(false);
    expect(shortDigest(digest)).toBe(digest.slice(7, 17));
  });
});

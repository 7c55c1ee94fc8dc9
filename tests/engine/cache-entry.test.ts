import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeActionResult, saidIn } from "../../src/host/cache/action-result.ts";
import { decodeEntry, encodeEntry, type Entry } from "../../src/host/cache/entry.ts";
import { digestOfBytes, digestOfFolder, type Digest } from "../../src/model/digest.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";
import { madeResult } from "./support/shared-results.ts";

const { record, contents } = madeResult(new Folder(), "r", {
  page: "text",
  folder: { "a.txt": "one", "b/c.txt": "two" },
});
const sizes: Readonly<Record<string, number>> = { [digestOfBytes("text")]: 4 };

const entry: Entry = {
  record,
  files: new Map(
    contents
      .flatMap(({ files }) => files)
      .map(({ digest }) => [digest, [{ digest, size: sizes[digest] ?? 3 }]]),
  ),
  folders: new Map(
    contents.flatMap(({ kind, digest, files }) =>
      kind === "folder"
        ? [[digest, files.map((file) => [file.path, file.digest] as const)] as const]
        : [],
    ),
  ),
};

/** The entry with this written in it instead. */
function changed(change: (written: Written) => void): Uint8Array {
  const said = saidIn(encodeEntry(entry)) ?? new Uint8Array();
  const written = JSON.parse(Buffer.from(said).toString()) as Written;
  change(written);
  return encodeActionResult({ contents: [], said: Buffer.from(JSON.stringify(written)) });
}

interface Written {
  schema: number;
  record: { -readonly [K in keyof ActionRecord]: ActionRecord[K] };
  files: Record<string, unknown>;
  folders: Record<string, [string, Digest][]>;
}

describe("an entry of a shared cache", () => {
  it("comes out as it was put in", () => {
    expect(valueOf(decodeEntry(encodeEntry(entry), record.key))).toEqual(entry);
  });

  it.each<[string, RegExp, (written: Written) => void]>([
    ["another version", /another version/, (w) => (w.schema = 2)],
    ["a record that is not whole", /not whole/, (w) => (w.record.key = digestOfBytes("x"))],
    [
      "the record of another action",
      /of another action/,
      (w) => (w.record = madeResult(new Folder(), "s", { page: "text" }).record),
    ],
    [
      "an output elsewhere",
      /not where its action writes it/,
      (w) => {
        const page = w.record.outputs["page"];
        if (page !== undefined)
          w.record.outputs = { ...w.record.outputs, page: { ...page, path: "rules/ops/evil.ts" } };
      },
    ],
    [
      "one more output",
      /not those of its action/,
      (w) => {
        const page = w.record.outputs["page"];
        if (page !== undefined) w.record.outputs = { ...w.record.outputs, more: page };
      },
    ],
    [
      "a name that leads out of a folder",
      /in one of its folders has a \. or \.\. part/,
      (w) => {
        for (const list of Object.values(w.folders)) if (list[0]) list[0][0] = "../evil";
      },
    ],
    [
      "names that are one on other systems",
      /one on other systems/,
      (w) => {
        for (const list of Object.values(w.folders)) if (list[0]) list[0][0] = "B/C.txt";
      },
    ],
    [
      "a folder with another file",
      /list of one of its folders is damaged/,
      (w) => {
        for (const list of Object.values(w.folders)) if (list[0]) list[0][1] = digestOfBytes("two");
      },
    ],
    [
      "a folder without its list",
      /does not say what its output folder is made of/,
      (w) => (w.folders = {}),
    ],
    ["a file without its pieces", /made of/, (w) => (w.files = {})],
    [
      "a size that is not the record's",
      /not as large as its record says/,
      (w) => (w.files[digestOfBytes("text")] = 5),
    ],
    ["an impossible size", /impossible size/, (w) => (w.files[digestOfBytes("text")] = 1e12)],
    [
      "a piece that is no digest",
      /no digest/,
      (w) => (w.files[digestOfBytes("text")] = [["../../etc/passwd", 4]]),
    ],
    ["an adopted result", /adopted/, (w) => (w.record.audit = [{ event: "adopted" }])],
  ])("is refused with %s", (_, why, change) => {
    expect(errorOf(decodeEntry(changed(change), record.key))).toMatch(why);
  });

  it("is refused where bytes are missing, and never breaks its reader", () => {
    const bytes = encodeEntry(entry);
    for (let length = 0; length < bytes.length; length += 7)
      expect(decodeEntry(bytes.subarray(0, length), record.key).ok).toBe(false);
    fc.assert(fc.property(fc.uint8Array(), (noise) => !decodeEntry(noise, record.key).ok));
  });

  it("is refused or the same when a bit has flipped", () => {
    const bytes = encodeEntry(entry);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        const decoded = decodeEntry(flipped, record.key);
        if (!decoded.ok) return;
        const { digest } = decoded.value.record.outputs["page"] ?? {};
        // What a key does not cover may change: a digest of an output among it, whose content is then not there.
        if (digest === record.outputs["page"]?.digest)
          expect(digestOfFolder([...entry.folders.values()][0] ?? [])).toBe(
            decoded.value.record.outputs["folder"]?.digest,
          );
      }),
    );
  });

  it("is an ActionResult, byte by byte", () => {
    const digest = digestOfBytes("hello");
    const bytes = encodeActionResult({
      contents: [{ digest, size: 300 }],
      said: Buffer.from("hi"),
    });
    const name = Buffer.from(digest.slice(7)).toString("hex");
    // Field 2 (137 bytes): path (1, 64 bytes), digest (2, 69 bytes): hash (1), size 300 (2); field 5: "hi".
    expect(Buffer.from(bytes).toString("hex")).toBe(
      `1289010a40${name}12450a40${name}10ac022a026869`,
    );
    expect(Buffer.from(saidIn(bytes) ?? []).toString()).toBe("hi");
  });
});

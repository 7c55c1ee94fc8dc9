import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Evidence, NO_LINK, UNSURE } from "../../src/host/evidence/evidence.ts";
import { noteLooked, sourceSignature } from "../../src/host/evidence/signature.ts";
import { Ways } from "../../src/host/evidence/ways.ts";

let root: string;
beforeEach(() => (root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-evidence-")))));
afterEach(() => fs.rmSync(root, { recursive: true }));

const at = (path: string): string => join(root, path);
function write(path: string, text: string): void {
  fs.writeFileSync(at(path), text);
  fs.utimesSync(at(path), 1_000_000_000.5, 1_000_000_000.5);
}

it("a way tells each place that it passes, links with what they are, also behind links", () => {
  fs.mkdirSync(at("v1/deep"), { recursive: true });
  write("v1/deep/file", "text");
  fs.symlinkSync("v1", at("latest"));
  fs.symlinkSync("./x/../latest", at("in")); // x is not there: the way back from it is
  fs.symlinkSync("self", at("self"));
  const passed = new Map<string, boolean>();
  const ways = new Ways((place, link) => passed.set(place.slice(root.length + 1), link !== null));
  expect(ways.realOf(at("in/deep/file"))).toBe(at("v1/deep/file"));
  expect(Object.fromEntries([...passed].filter(([place]) => !"/".startsWith(place)))).toMatchObject(
    {
      in: true,
      latest: true,
      v1: false,
      "v1/deep": false,
      "v1/deep/file": false,
    },
  );
  expect(ways.look(at("in/deep/file")).stat?.size).toBe(4);
  expect(ways.look(at("in/gone"))).toEqual({ real: at("v1/gone"), stat: undefined });
  expect(ways.look(at("self/file")).stat).toBeUndefined();
  expect(ways.realOf(at("v1/deep/file/no/folder"))).toBe(at("v1/deep/file/no/folder"));
});

it("evidence has a row for each place on a way, and a signature says where a path leads", () => {
  fs.mkdirSync(at("v1"));
  write("v1/file", "text");
  fs.symlinkSync("v1", at("in"));
  const evidence = new Evidence();
  evidence.look(at("in/file"));
  const rows = [...evidence.links.paths].map((path, row) => [path, evidence.links.row(row)[0]]);
  const links = Object.fromEntries(rows) as Readonly<Record<string, number>>;
  expect(links[at("v1")]).toBe(NO_LINK);
  expect(links[at("in")]).toBe(UNSURE); // it is too young to be believed
  expect(sourceSignature(at("in/file"))).toContain(` → ${at("v1/file")}`);
  expect(sourceSignature(at("v1/file"))).not.toContain("→");
});

it("a ground that is not what it was when it was read is in doubt", () => {
  const old = fileURLToPath(import.meta.url);
  const noted = (signature: string): number | undefined => {
    const evidence = new Evidence();
    noteLooked({ [old]: signature }, evidence);
    return evidence.grounds.row(0)[0];
  };
  expect(noted(sourceSignature(old))).toBe(fs.statSync(old).dev);
  expect(noted("of what it was")).toBe(UNSURE);
});

import * as fs from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placeInside } from "../../src/host/disk/place-inside.ts";
import { whyNotInside } from "../../src/model/inside.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";

const NAMES = JSON.parse(
  fs.readFileSync(join(REPOSITORY, "tests/fixtures/names.json"), "utf8"),
) as readonly (readonly [unknown, string | null])[];

describe("a name that others chose", () => {
  it.each(NAMES)("%j %s", (name, problem) => {
    expect(whyNotInside(name)).toBe(problem);
  });

  it("is refused when no file system could hold it", () => {
    expect(whyNotInside("a".repeat(255))).toBe(null);
    expect(whyNotInside("ä".repeat(128))).toBe("is too long for a file system");
    expect(whyNotInside("a/".repeat(2000) + "a")).toBe("is too long for a file system");
  });

  it("never leads out of a folder when it is accepted", () => {
    const part = fc.oneof(fc.constantFrom("..", ".", "", "\\", "a", ".. ", "..."), fc.string());
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const name = parts.join("/");
        if (whyNotInside(name) !== null) return;
        expect(join("/folder", name)).toBe(`/folder/${name}`);
      }),
    );
  });
});

describe("a place in a folder", () => {
  it("may go through links that stay in the folder, and not through others", () => {
    const folder = new Folder({ "in/sub/a": "a", "out/b": "b" });
    const inside = folder.at("in");
    fs.symlinkSync("sub", join(inside, "near"));
    fs.symlinkSync("../out", join(inside, "far"));
    fs.symlinkSync("../out/b", join(inside, "file"));
    fs.symlinkSync("nowhere", join(inside, "dangling"));
    expect(placeInside(inside, "near/a")).toEqual({ ok: true, value: join(inside, "near/a") });
    expect(placeInside(inside, "new/deep/a").ok).toBe(true);
    for (const name of ["far/b", "far/new", "far", "file"])
      expect(placeInside(inside, name), name).toEqual({
        ok: false,
        error: "leads out of the folder by way of a link",
      });
    expect(placeInside(inside, "dangling").ok).toBe(false);
    expect(placeInside(inside, "../out/b")).toEqual({ ok: false, error: "has a . or .. part" });
  });
});

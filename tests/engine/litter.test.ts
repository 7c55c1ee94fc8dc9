import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { isConfigName, isLitter, isLitterByName } from "../../src/model/litter.ts";
import { filesBelow, Observer, personalLitter } from "../../src/host/observe/observer.ts";
import { Folder } from "./support/folder.ts";

/*
 * Litter of editors and systems is no input. What a person may have meant as data is never taken for litter: each
 * name of the one kind has a near relation of the other here.
 */
const around = (...names: readonly string[]) => ({
  has: (name: string): boolean => names.includes(name),
  isEmpty: (name: string): boolean => name === "4913" && !names.includes("4913 has content"),
});

describe("litter", () => {
  it.each([
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".#x.yaml",
    "#x.yaml#",
    ".x.yaml.swp",
    ".x.yaml.swo",
    ".~lock.x.ods#",
    "~$x.docx",
    "x.yaml___jb_tmp___",
    ".nfs000000000000001a00000002",
    ".git",
  ])("is %s, whatever lies beside it", (name) => {
    expect(isLitter(name, false, around())).toBe(true);
    expect(isLitterByName(name)).toBe(true);
  });

  it.each(["x.yaml~", "x.yaml.~3~", "._x.yaml", ".x.yaml.un~"])("is %s beside x.yaml", (name) => {
    expect(isLitter(name, false, around("x.yaml"))).toBe(true);
    expect(isLitter(name, false, around("y.yaml"))).toBe(false);
    expect(isLitterByName(name)).toBe(false);
  });

  it("is 4913 without content", () => {
    expect(isLitter("4913", false, around())).toBe(true);
    expect(isLitter("4913", false, around("4913 has content"))).toBe(false);
  });

  it.each([".git", ".svn", "__MACOSX", ".Trash-1000", "lost+found"])("is the folder %s", (name) => {
    expect(isLitter(name, true, around())).toBe(true);
  });
});

it.each([
  ".hidden",
  ".gitattributes",
  ".gitignore",
  ".env",
  "#tag",
  "number#",
  "x.swp",
  "x~y",
  "DS_Store",
  "git",
  ".github",
  "4914",
  "___jb_tmp___",
  ".part-1",
])("%s could be data, as a file and as a folder", (name) => {
  expect(isLitter(name, false, around("x", name))).toBe(false);
  expect(isLitter(name, true, around("x", name))).toBe(false);
});

it("only names that a person gives are configs", () => {
  const names = [
    "x.yaml",
    "a.b.yaml",
    ".#x.yaml",
    "._x.yaml",
    "x.yaml~",
    ".x.yaml.swp",
    "~$x.yaml",
    "x.json",
  ];
  expect(names.filter(isConfigName)).toEqual(["x.yaml", "a.b.yaml"]);
});

describe("a folder with litter", () => {
  const DATA = { "x.yaml": "a: 1", "deep/y": "y", ".hidden": "data", "4914": "data" };
  const LITTER = {
    ".DS_Store": "?",
    "._x.yaml": "?",
    "x.yaml~": "a: 0",
    "#x.yaml#": "a: 2",
    "deep/.y.swp": "?",
    "deep/Thumbs.db": "?",
    ".git/HEAD": "ref: refs/heads/main",
    "4913": "",
  };
  const digestOf = (folder: Folder) =>
    new Observer(folder.path, null, null).observe({ path: ".", kind: "folder" });

  it("has the digest that it has without, a dangling lock of Emacs included", async () => {
    const littered = new Folder({ ...DATA, ...LITTER });
    fs.symlinkSync("me@host.123:1", littered.at(".#x.yaml"));
    expect(filesBelow(littered.path, null).sort()).toEqual(Object.keys(DATA).sort());
    expect(await digestOf(littered)).toEqual(await digestOf(new Folder(DATA)));
  });

  it("says what of it somebody would miss", () => {
    const found = [...personalLitter(new Folder({ ...DATA, ...LITTER }).path)];
    expect(found.map((path) => path.replace(/^.*\/(?=[^/]+$)/, "")).sort()).toEqual([
      "#x.yaml#",
      ".git",
      ".y.swp",
      "4913",
      "x.yaml~",
    ]);
  });

  it("is unreadable where a link leads nowhere that is no litter: half a download", async () => {
    const folder = new Folder(DATA);
    fs.symlinkSync("gone", folder.at("z"));
    expect(await digestOf(folder)).toEqual({
      state: "unreadable",
      error: "z in it is gone, or a dangling link",
    });
  });
});

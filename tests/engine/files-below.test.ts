import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { countFolders, filesBelow } from "../../src/host/disk/files-below.ts";
import { Folder } from "./support/folder.ts";

describe("files below a folder", () => {
  it("are found at any depth, hidden ones too, and folders of such a name are not files", () => {
    const folder = new Folder({
      "b.json": "",
      "a/.c.json": "",
      ".d/e.json": "",
      "f.json/g.json": "",
      "other.txt": "",
    });
    expect(filesBelow(folder.path, "**/*.json")).toEqual([
      ".d/e.json",
      "a/.c.json",
      "b.json",
      "f.json/g.json",
    ]);
  });

  it("may be links; a link to a folder is not gone through", () => {
    const folder = new Folder({ "real/a.json": "" });
    fs.symlinkSync("real/a.json", folder.at("linked.json"));
    fs.symlinkSync("real", folder.at("around"));
    expect(filesBelow(folder.path, "**/*.json")).toEqual(["linked.json", "real/a.json"]);
  });

  it("are none where the folder is missing, and what is in the way of it is an error", () => {
    const folder = new Folder({ file: "" });
    expect(filesBelow(folder.at("none"), "**/*.json")).toEqual([]);
    expect(() => filesBelow(folder.at("file"), "**/*.json")).toThrow(/ENOTDIR/);
  });

  it("in a folder whose name looks like a pattern are found as well", () => {
    const folder = new Folder({ "[a]*/b.json": "" });
    expect(filesBelow(folder.at("[a]*"), "**/*.json")).toEqual(["b.json"]);
  });
});

it("folders that fit a pattern are counted", () => {
  const folder = new Folder({
    "lib/python3.11/site-packages/torch-2.dist-info/METADATA": "",
    "lib/python3.11/site-packages/torch/a.dist-info": "",
    "lib/python3.11/site-packages/uv-1.dist-info/METADATA": "",
  });
  expect(countFolders(folder.path, "lib/*/site-packages/*.dist-info")).toBe(2);
  expect(countFolders(folder.at("none"), "*")).toBe(0);
});

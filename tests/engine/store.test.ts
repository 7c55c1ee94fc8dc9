import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { Store } from "../../src/host/store/store.ts";
import { digestOfBytes, digestOfFolder, type Digest } from "../../src/model/digest.ts";
import { Folder } from "./support/folder.ts";

const CONTENT = { "a.txt": "one", "sub/b.txt": "two" };

function storedFolder(): { folder: Folder; store: Store; digest: Digest } {
  const folder = new Folder({ "source/a.txt": "one", "source/sub/b.txt": "two" });
  const store = new Store(folder.at("store"));
  const files = Object.entries(CONTENT).map(([path, content]) => ({
    path,
    digest: digestOfBytes(content),
    size: content.length,
  }));
  const digest = digestOfFolder(files.map((file) => [file.path, file.digest]));
  store.putFolder(folder.at("source"), files, digest);
  return { folder, store, digest };
}

const blob = (digest: Digest): string => `store/${digest.slice(7, 9)}/${digest.slice(9)}`;

describe("the store", () => {
  it("gives back a file under its digest", async () => {
    const folder = new Folder({ source: "hello" });
    const store = new Store(folder.at("store"));
    const digest = digestOfBytes("hello");
    expect(store.has(digest)).toBe(false);
    store.putFile(folder.at("source"), digest);
    store.putFile(folder.at("source"), digest); // twice is once
    expect(store.has(digest)).toBe(true);
    expect(folder.read(blob(digest))).toBe("hello");
    expect(await store.takeOut(digest, "file", folder.at("deep/er/copy"))).toBe(true);
    expect(folder.read("deep/er/copy")).toBe("hello");
  });

  it("gives back a folder with all its files", async () => {
    const { folder, store, digest } = storedFolder();
    expect(store.has(digest)).toBe(true);
    expect(await store.takeOut(digest, "folder", folder.at("copy"))).toBe(true);
    for (const [path, content] of Object.entries(CONTENT)) {
      expect(folder.read(`copy/${path}`)).toBe(content);
    }
  });

  it("gives back an empty folder", async () => {
    const folder = new Folder({ "source/.keep": "" });
    folder.remove("source/.keep");
    const store = new Store(folder.at("store"));
    store.putFolder(folder.at("source"), [], digestOfFolder([]));
    expect(store.has(digestOfFolder([]))).toBe(true);
    expect(await store.takeOut(digestOfFolder([]), "folder", folder.at("copy"))).toBe(true);
    expect(fs.readdirSync(folder.at("copy"))).toEqual([]);
  });

  it("keeps files whose content looks like a list of files", async () => {
    const folder = new Folder();
    const store = new Store(folder.at("store"));
    for (const content of ["[[1,2]]", "[]", "[[", '[["a"]]', "[[]]\n"]) {
      folder.write("source", content);
      const digest = digestOfBytes(content);
      store.putFile(folder.at("source"), digest);
      expect(store.has(digest), content).toBe(true);
      expect(await store.takeOut(digest, "file", folder.at("copy"))).toBe(true);
      expect(folder.read("copy")).toBe(content);
    }
  });

  it("refuses a damaged file, writes nothing, and does not offer it again", async () => {
    const folder = new Folder({ source: "hello" });
    const store = new Store(folder.at("store"));
    const digest = digestOfBytes("hello");
    store.putFile(folder.at("source"), digest);
    folder.write(blob(digest), "jello");
    expect(await store.takeOut(digest, "file", folder.at("copy"))).toBe(false);
    expect(folder.exists("copy")).toBe(false);
    expect(store.has(digest)).toBe(false);
  });

  it("refuses a folder of which one file is damaged, and does not offer it again", async () => {
    const { folder, store, digest } = storedFolder();
    folder.write(blob(digestOfBytes("two")), "twi");
    expect(await store.takeOut(digest, "folder", folder.at("copy"))).toBe(false);
    expect(store.has(digest)).toBe(false);
  });

  it("refuses a folder whose list is damaged, and does not offer it again", async () => {
    const { folder, store, digest } = storedFolder();
    folder.write(blob(digest), folder.read(blob(digest)).slice(0, 30));
    expect(await store.takeOut(digest, "folder", folder.at("copy"))).toBe(false);
    expect(store.has(digest)).toBe(false);
  });

  it("takes a list that names a file outside of the folder for damaged, and writes nothing", async () => {
    for (const name of ["../escaped", "/escaped", "a/../../escaped", "./a", ""]) {
      const folder = new Folder({ source: "hello" });
      const store = new Store(folder.at("store"));
      const file = digestOfBytes("hello");
      store.putFile(folder.at("source"), file);
      folder.write("list", JSON.stringify([[name, file]]));
      const digest = digestOfFolder([[name, file]]);
      store.putFile(folder.at("list"), digest);
      expect(await store.takeOut(digest, "folder", folder.at("deep/copy")), name).toBe(false);
      expect(folder.exists("deep"), name).toBe(false);
    }
  });

  it("does not have a folder of which one file is gone", () => {
    const { folder, store, digest } = storedFolder();
    folder.remove(blob(digestOfBytes("one")));
    expect(store.has(digest)).toBe(false);
  });
});

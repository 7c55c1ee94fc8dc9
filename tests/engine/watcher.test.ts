import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchFiles } from "../../src/host/evidence/watcher.ts";
import type { FileWatch } from "../../src/ports.ts";

let root: string;
let watch: FileWatch;
let told: () => void = () => undefined;
beforeEach(async () => {
  root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-watcher-")));
  watch = await watchFiles(root, () => {
    told();
  });
});
afterEach(async () => {
  await watch.close();
  fs.rmSync(root, { recursive: true });
});

/** Resolves when the watch has told of what `change` does; as `aqm watch` does, it then sets the same again. */
async function notices(paths: readonly string[], change: () => void): Promise<void> {
  const absolute = paths.map((path) => join(root, path));
  while (await watch.set(absolute, []));
  const changed = new Promise<void>((resolve) => (told = resolve));
  change();
  await changed;
  while (await watch.set(absolute, []));
}

const write = (path: string): void => {
  fs.writeFileSync(join(root, path), "text");
};

describe("the watch", () => {
  it("tells of a file that comes, changes, goes and comes back, where its folder was missing too", async () => {
    const paths = ["a/b/file.txt"];
    await notices(paths, () => fs.mkdirSync(join(root, "a")));
    await notices(paths, () => fs.mkdirSync(join(root, "a/b")));
    await notices(paths, () => {
      write("a/b/file.txt");
    });
    await notices(paths, () => fs.appendFileSync(join(root, "a/b/file.txt"), "more"));
    await notices(paths, () => {
      fs.rmSync(join(root, "a/b/file.txt"));
    });
    await notices(paths, () => {
      write("a/b/file.txt");
    });
    await notices(paths, () => {
      fs.rmSync(join(root, "a"), { recursive: true });
    });
    await notices(paths, () => fs.mkdirSync(join(root, "a")));
    expect(fs.readdirSync(join(root, "a"))).toEqual([]);
  });

  it("tells of what comes into a folder, also when that is another one than before", async () => {
    const paths = ["folder"];
    await notices(paths, () => fs.mkdirSync(join(root, "folder")));
    await notices(paths, () => {
      write("folder/one.txt");
    });
    await notices(paths, () => {
      fs.rmSync(join(root, "folder"), { recursive: true });
      fs.mkdirSync(join(root, "folder"));
    });
    await notices(paths, () => {
      write("folder/two.txt");
    });
    expect(fs.readdirSync(join(root, "folder"))).toEqual(["two.txt"]);
  });

  it("tells of a file that a link leads to", async () => {
    write("file.txt");
    fs.symlinkSync("file.txt", join(root, "link.txt"));
    await notices(["link.txt"], () => fs.appendFileSync(join(root, "file.txt"), "more"));
    expect(fs.readFileSync(join(root, "link.txt"), "utf8")).toBe("textmore");
  });
});

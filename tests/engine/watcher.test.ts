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
async function notices(
  paths: readonly string[],
  change: () => void,
  ways: readonly string[] = [],
): Promise<void> {
  const absolute = (some: readonly string[]): readonly string[] =>
    some.map((path) => join(root, path));
  const watched = { paths: absolute(paths), outputs: [], ways: absolute(ways) };
  while (await watch.set(watched));
  const changed = new Promise<void>((resolve) => (told = resolve));
  change();
  await changed;
  while (await watch.set(watched));
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

  it("tells of a link on the way that is set to something else, goes and comes, and of edits behind it", async () => {
    for (const folder of ["v1", "v2", "v3"]) {
      fs.mkdirSync(join(root, folder));
      write(`${folder}/file.txt`);
    }
    const setLink = (to: string): void => {
      fs.symlinkSync(to, join(root, "new"));
      fs.renameSync(join(root, "new"), join(root, "in")); // as `ln -sfn` does
    };
    const notice = (to: string, change: () => void): Promise<void> =>
      notices(["in/file.txt", "in"], change, ["in", to]);
    setLink("v1");
    await notice("v1", () => {
      setLink("v2");
    });
    await notice("v2", () => {
      fs.appendFileSync(join(root, "v2/file.txt"), "more");
    });
    await notice("v2", () => {
      fs.rmSync(join(root, "in"));
    });
    await notice("v2", () => {
      setLink("v3");
    });
    await notice("v3", () => {
      fs.appendFileSync(join(root, "v3/file.txt"), "more");
    });
    await notice("v3", () => {
      fs.renameSync(join(root, "v3"), join(root, "v4"));
      fs.renameSync(join(root, "v1"), join(root, "v3"));
    });
    await notice("v3", () => {
      write("v3/another.txt");
    });
    expect(fs.readdirSync(join(root, "in"))).toEqual(["another.txt", "file.txt"]);
  });
});

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { bundleModule } from "../../src/host/code/bundle.ts";
import { readFileBytes, readFileEnd, readFileText } from "../../src/host/disk/bounded-read.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { readState, readTextIfExists } from "../../src/host/disk/disk.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";
import { sourcesBelow } from "./support/sources.ts";

/** Places that a file system can have where a file should be, none of which may be waited for. */
const ODD: Readonly<Record<string, (folder: Folder) => void>> = {
  "a gigabyte of nothing": (folder) => {
    folder.write("odd", "");
    fs.truncateSync(folder.at("odd"), 1024 ** 3); // a hole: it takes no room
  },
  "a folder": (folder) => fs.mkdirSync(folder.at("odd")),
  "a pipe": (folder) => void execFileSync("mkfifo", [folder.at("odd")]),
  "a link to a device": (folder) => fs.symlinkSync("/dev/zero", folder.at("odd")),
  "a link to a pipe": (folder) => {
    execFileSync("mkfifo", [folder.at("pipe")]);
    fs.symlinkSync("pipe", folder.at("odd"));
  },
  "a link to itself": (folder) => fs.symlinkSync("odd", folder.at("odd")),
};

describe("a file that is read whole", () => {
  it("is given as it is", () => {
    const folder = new Folder({ a: "größe\n" });
    expect(readFileText(folder.at("a"))).toBe("größe\n");
    expect(readFileBytes(folder.at("a"), 8).length).toBe(8);
    expect(() => readFileBytes(folder.at("a"), 7)).toThrow("EFBIG");
    expect(readFileEnd(folder.at("a"), 4)).toBe("ße\n");
    expect(readFileEnd(folder.at("a"), 400)).toBe("größe\n");
  });

  it.each(Object.entries(ODD))("is refused where that would never end: %s", (_, make) => {
    const folder = new Folder();
    make(folder);
    const path = folder.at("odd");
    expect(() => readFileBytes(path)).toThrow(/^E[A-Z]+/);
    expect(readState(path)).toBe("");
    expect(() => readTextIfExists(path)).toThrow(/^E[A-Z]+/);
  });

  it("is read by this one function, but for what is known to be a file and what a user names", () => {
    const others = sourcesBelow(REPOSITORY, "src/host").filter(
      ({ path, text }) => !KNOWN.includes(path) && text.includes("readFileSync("),
    );
    expect(others.map(({ path }) => path)).toEqual([]);
  });
});

describe("a source in whose place is a device", () => {
  it.each(["Aqmfile.ts", "rules/a.ts", "tsconfig.json", "package.json"])(
    "is an error before the bundler reads it: %s",
    async (place) => {
      const folder = new Folder({
        "Aqmfile.ts": 'import "./rules/a.ts"; export default 1;\n',
        "rules/a.ts": "export {};\n",
      });
      fs.rmSync(folder.at(place), { force: true });
      fs.symlinkSync("/dev/zero", folder.at(place));
      const layout = layoutOf(folder.at("."), REPOSITORY);
      const bundled = await bundleModule(layout, folder.at("Aqmfile.ts"));
      expect(bundled).toMatchObject({ ok: false });
      expect(JSON.stringify(bundled)).toContain("is neither a file nor a folder");
    },
  );
});

/** Modules of `src/host` that read files which were looked at before, which aqm ships, or of the kernel. */
const KNOWN: readonly string[] = [
  "src/host/disk/bounded-read.ts",
  "src/host/disk/regions.ts", // what was staged
  "src/host/publish/region-edits.ts", // likewise
  "src/host/observe/observer.ts", // what was found to be a file
  "src/host/observe/compare-outputs.ts", // likewise
  "src/host/typescript/typescript-executor.ts", // likewise
  "src/host/aqmfile/python-op-check.ts", // aqm's own schemas
  "src/host/python/runner/schemas.ts", // likewise
  "src/host/gpu/gpus.ts", // /proc
  "src/host/process/process-identity.ts", // likewise
  "src/host/process/process-name.ts", // likewise
  "src/host/comparison.ts", // what a user names may be a pipe
];

import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { firstShared } from "../../src/host/disk/shared-folder.ts";
import {
  cacheFolder,
  environmentFailure,
  madeCacheFolder,
} from "../../src/host/python/cache-folder.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";

/*
 * Programs that lie in the cache are run. So nothing there may be another user's, and only this user and root
 * may write it.
 */
let folder: Folder;
const outer = { ...process.env };
beforeEach(() => {
  folder = new Folder({
    "environments/data/bin/python": "",
    "environments/data/lib/python3.12/site-packages/x": "",
  });
  process.env["AQM_CACHE"] = folder.path;
});
afterEach(() => void Object.assign(process.env, { ...outer, AQM_CACHE: outer["AQM_CACHE"] ?? "" }));

const environment = (): string => folder.at("environments/data");

it("is used where only this user may write", () => {
  expect(valueOf(cacheFolder())).toBe(folder.path);
  expect(environmentFailure(environment())).toBeNull();
});

it("is made so that nobody else may write it, whatever the mask", () => {
  const mask = process.umask(0);
  process.env["AQM_CACHE"] = folder.at("new/cache");
  valueOf(cacheFolder());
  expect(fs.existsSync(folder.at("new"))).toBe(false);
  valueOf(madeCacheFolder());
  process.umask(mask);
  expect(fs.statSync(folder.at("new/cache")).mode & 0o022).toBe(0);
});

describe("nothing in it is run", () => {
  it.each(["", "environments"])("where everybody may write the cache/%s", (place) => {
    fs.chmodSync(folder.at(place), 0o777);
    expect(errorOf(cacheFolder())).toMatchObject({
      reason: "environment_failed",
      cause: "everybody may write it",
      place: { file: folder.at(place) },
    });
  });

  it.each(["", "bin", "bin/python", "lib", "lib/python3.12", "lib/python3.12/site-packages"])(
    "where everybody may write the environment's /%s",
    (place) => {
      const path = `${environment()}/${place}`.replace(/\/$/, "");
      fs.chmodSync(path, 0o777);
      expect(environmentFailure(environment())?.place).toEqual({ file: path });
    },
  );

  it("where a link leads to what everybody may write", () => {
    folder.write("elsewhere/python", "");
    fs.chmodSync(folder.at("elsewhere/python"), 0o777);
    fs.rmSync(`${environment()}/bin/python`);
    fs.symlinkSync(folder.at("elsewhere/python"), `${environment()}/bin/python`);
    expect(environmentFailure(environment())?.place).toEqual({
      file: folder.at("elsewhere/python"),
    });
  });

  it.runIf(process.getuid?.() === 0)(
    "that belongs to another user (skipped unless run as root)",
    () => {
      fs.chownSync(environment(), 12345, 12345);
      expect(environmentFailure(environment())?.cause).toBe("it belongs to the user 12345");
    },
  );
});

it("a group that is the user's own may write, another one may not", () => {
  const path = folder.at("environments");
  fs.chmodSync(path, 0o775);
  const { gid } = fs.statSync(path);
  const own = gid === process.getuid?.();
  expect(firstShared([path])).toEqual(own ? null : { path, why: `the group ${gid} may write it` });
});

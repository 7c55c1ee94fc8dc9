import * as fs from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withBuildLock } from "../../src/cli/session/build-lock.ts";
import { Folder } from "./support/folder.ts";

it("a signal while the lock is held stops the work, and ends the command with its own code", async () => {
  const state = new Folder().path;
  const code = await withBuildLock({ state }, "a test", async (signal) => {
    const stopped = new Promise((resolve) => {
      signal.addEventListener("abort", resolve, { once: true });
    });
    process.kill(process.pid, "SIGHUP"); // without a handler it would end this process
    await stopped;
    return 0;
  });
  expect([code, process.listenerCount("SIGHUP")]).toEqual([129, 0]);
  expect(fs.existsSync(join(state, "build.lock"))).toBe(false);
});

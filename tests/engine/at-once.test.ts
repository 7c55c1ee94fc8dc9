import { afterEach, expect, it } from "vitest";
import { endedAtOnce } from "../../src/host/process/at-once.ts";

let heard = 0;
const hear = (): void => void (heard += 1);
afterEach(() => void process.off("SIGHUP", hear));

it("a signal that came before code that may never end is not lost", async () => {
  process.on("SIGHUP", hear);
  process.kill(process.pid, "SIGHUP"); // it waits for the event loop now
  const heardBefore = await endedAtOnce(() => Promise.resolve(heard));
  expect(heardBefore).toBe(1);
});

it("handlers are off while the code runs, and on again afterwards", async () => {
  process.on("SIGHUP", hear);
  const during = await endedAtOnce(() => Promise.resolve(process.listenerCount("SIGHUP")));
  expect([during, process.rawListeners("SIGHUP").includes(hear)]).toEqual([0, true]);
});

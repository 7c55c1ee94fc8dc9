import { join } from "node:path";
import { exitCodeOf } from "../../model/failure.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Layout } from "../../host/disk/layout.ts";
import { printFailures } from "../terminal/terminal.ts";

/** Runs `answer` while nothing is built in the workspace; says whom it waits for. Returns the exit code. */
export async function withBuildLock(
  { state }: Pick<Layout, "state">,
  purpose: string,
  answer: () => Promise<number>,
): Promise<number> {
  const { acquireFileLock } = await import("../../host/process/file-lock.ts");
  const { interruptible } = await import("../terminal/interrupt.ts");
  const { signal, dispose } = interruptible();
  const lock = await acquireFileLock(
    join(state, "build.lock"),
    purpose,
    (owner) => process.stderr.write(`waiting for ${oneLine(owner)}\n`),
    signal,
  );
  dispose();
  if (!lock.ok) {
    printFailures([lock.error]);
    return exitCodeOf(lock.error);
  }
  try {
    return await answer();
  } finally {
    await lock.value();
  }
}

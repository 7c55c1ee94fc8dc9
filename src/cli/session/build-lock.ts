import { join } from "node:path";
import { exitCodeOf, interruptionCode } from "../../model/failure.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Layout } from "../../host/disk/layout.ts";
import { printFailures } from "../terminal/terminal.ts";

/**
 * Runs `answer` while nothing is built in the workspace; says whom it waits for.
 *
 * @param answer may stop early once the signal is aborted; the command ends with the code of what interrupted it
 * @returns the exit code
 */
export async function withBuildLock(
  { state }: Pick<Layout, "state">,
  purpose: string,
  answer: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const { acquireFileLock } = await import("../../host/process/file-lock.ts");
  const { interruptible } = await import("../terminal/interrupt.ts");
  const { signal, dispose } = interruptible();
  try {
    const lock = await acquireFileLock(
      join(state, "build.lock"),
      purpose,
      (owner) => process.stderr.write(`waiting for ${oneLine(owner)}\n`),
      signal,
    );
    if (!lock.ok) {
      printFailures([lock.error]);
      return exitCodeOf(lock.error);
    }
    try {
      const code = await answer(signal);
      return signal.aborted ? interruptionCode(signal) : code;
    } finally {
      await lock.value();
    }
  } finally {
    dispose();
  }
}

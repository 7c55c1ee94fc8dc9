import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { BuildEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import { ok, type Result } from "../model/result.ts";
import { acquireFileLock } from "./file-lock.ts";
import { fileNameOf } from "./layout.ts";

/**
 * GPU devices are leased across all aqm processes of a user on this host, not only within one build.
 * A lease ends with its owner: a dead owner's lock is taken over.
 */
export class GpuLeases {
  readonly #folder: string;

  constructor(
    folder = join(
      process.env["XDG_RUNTIME_DIR"] ?? join(tmpdir(), `aqm-${userInfo().uid}`),
      "aqm-gpus",
    ),
  ) {
    this.#folder = folder;
  }

  async acquire(
    devices: readonly string[],
    target: string,
    emit: (event: BuildEvent) => void,
    signal: AbortSignal,
  ): Promise<Result<() => Promise<void>, Failure>> {
    const held: (() => Promise<void>)[] = [];
    const releaseAll = async (): Promise<void> => {
      for (const release of held.reverse()) await release();
    };
    // Always in the same order, so that two builds that want two devices each cannot block each other.
    for (const device of [...devices].sort()) {
      const lock = await acquireFileLock(
        join(this.#folder, `${fileNameOf(device)}.lock`),
        target,
        (owner) => emit({ type: "waiting_for_lock", owner, path: `GPU ${device}` }),
        signal,
      );
      if (!lock.ok) {
        await releaseAll();
        return lock;
      }
      held.push(lock.value);
    }
    return ok(releaseAll);
  }
}

import * as fs from "node:fs";
import { isRacy, wallClock } from "./stat-cache.ts";

/**
 * Every file and folder that an answer depends on, with the stat that it had when it was looked at.
 * Collected while a command runs, so that the answer can be given again while nothing has changed.
 */
export class Evidence {
  readonly #noted = new Map<string, string>();
  #complete = true;

  /** `stat` was taken before the content was read; undefined when there is nothing at `path`. */
  note(path: string, stat: fs.BigIntStats | undefined): void {
    // Written within a clock tick of now, it could be written again without its times telling.
    if (stat !== undefined && isRacy(stat, wallClock())) this.#complete = false;
    this.#noted.set(path, signatureOf(stat));
  }

  /** Looks at a path itself: a folder, whose times tell when an entry comes or goes, or a file. */
  look(path: string): void {
    this.note(path, statOf(path));
  }

  /** False when something was too fresh, or looked at in a way that leaves no trace. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The answer depends on something that leaves no trace here. */
  leaveIncomplete(): void {
    this.#complete = false;
  }

  get paths(): readonly string[] {
    return [...this.#noted.keys()];
  }

  /** Whether a path is still as it was noted. */
  holds(path: string): boolean {
    const stat = statOf(path);
    return this.#noted.get(path) === signatureOf(stat);
  }
}

/** Nothing, too, for what cannot be looked at (a link to itself): whoever reads it will say so. */
export function statOf(path: string): fs.BigIntStats | undefined {
  try {
    return fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

export function signatureOf(stat: fs.BigIntStats | undefined): string {
  return stat === undefined
    ? "missing"
    : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

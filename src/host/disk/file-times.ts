import type { Stats } from "node:fs";

/** What tells one state of a file from another without reading it; "missing" when there is none. */
export const signatureOf = (stat: Stats | undefined): string =>
  stat === undefined
    ? "missing"
    : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`;

/**
 * Milliseconds within which a file could be written twice without its times telling. File systems with
 * whole-second times need more than a second; others a few ticks of the kernel's clock.
 */
export const tickOf = ({ mtimeMs }: Stats): number => (mtimeMs % 1000 === 0 ? 2000 : 20);

/** Whether a file that was looked at `readAt` (wall clock) could change again and look the same. */
export const isRacy = (stat: Stats, readAt: number): boolean =>
  readAt - Math.max(stat.mtimeMs, stat.ctimeMs) < tickOf(stat);

/**
 * The same for a file that was given an older time of modification when it was made (`disk.settle`):
 * a write moves that time, so the ctime need not be old.
 */
export const isSettled = (stat: Stats, now: number): boolean => now - stat.mtimeMs >= tickOf(stat);

/**
 * How far back `disk.settle` sets the time of modification. The half keeps it from being a whole second
 * by chance, which would look like a file system that has only those.
 */
export const SETTLED_MS = 50.5;

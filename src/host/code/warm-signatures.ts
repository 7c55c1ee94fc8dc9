import { isRacySignature, sourceSignature } from "../evidence/signature.ts";
import { Ways } from "../evidence/ways.ts";

/** After so many milliseconds most file systems have another time for the next change. */
const TICK = 21;
const STEP = 3;

/** Paths that no longer look as they did. */
export function changesOf(
  looked: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): readonly string[] {
  const changed: string[] = [];
  for (const [path, was] of looked) if (now.get(path) !== was) changed.push(path);
  return changed;
}

/** Of a file that was written within this tick of the clock nothing can be told, so it is waited for. */
export async function settledSignatures(
  paths: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const signatures = new Map<string, string>();
  const ways = new Ways();
  for (const path of new Set(paths)) {
    let signature = sourceSignature(path, ways);
    // Never longer than a tick: some times only say the second, and stay in doubt.
    const end = performance.now() + TICK;
    while (isRacySignature(signature) && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, STEP));
      signature = sourceSignature(path);
    }
    signatures.set(path, signature);
  }
  return signatures;
}

/**
 * Whether a file changed although its size and its time of modification say otherwise: the bundler goes by
 * these, and would not notice.
 */
export const isDeceived = (
  looked: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
  changed: readonly string[],
): boolean =>
  changed.some(
    (path) => withoutCtime(now.get(path) ?? "") === withoutCtime(looked.get(path) ?? ""),
  );

const withoutCtime = (signature: string): string =>
  signature.replace(/^(\d+:\d+:\d+:[\d.]+):[\d.]+/, "$1");

import { whyNotInside } from "../model/inside.ts";

/** Says what is wrong with a declared path, or null. Paths are workspace-relative and normalised. */
export function checkPath(path: string): string | null {
  const problem = whyNotInside(path);
  if (problem !== null) return problem;
  return OURS.test(path) ? "lies in a folder that belongs to aqm" : null;
}

/** What no action may overwrite, because aqm or Git lives by it. */
export function checkOutputPath(path: string): string | null {
  if (/^\.git(\/|$)/.test(path)) return "lies in a folder that belongs to Git";
  if (/^(Aqmfile\.ts|conf(\/|$))/.test(path)) return "is read before anything is built";
  return null;
}

const OURS = /^(?:\.aqm|aqm\.lock)(?:\/|$)/;

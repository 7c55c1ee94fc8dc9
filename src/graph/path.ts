/** Says what is wrong with a declared path, or null. Paths are workspace-relative and normalised. */
export function checkPath(path: string): string | null {
  if (PLAIN.test(path) && !OURS.test(path)) return null;
  if (path === "") return "is empty";
  if (path.startsWith("/")) return "is absolute";
  if (path.includes("\\")) return "has a backslash";
  if (path.includes("\0")) return "has a NUL byte";
  if (!path.isWellFormed()) return "has half a character";
  if (/(^|\/)\.\.?(\/|$)/.test(path)) return "has a . or .. part";
  if (/\/\/|\/$/.test(path)) return "has an empty part";
  if (OURS.test(path)) return "lies in a folder that belongs to aqm";
  return null;
}

/** What no action may overwrite, because aqm or Git lives by it. */
export function checkOutputPath(path: string): string | null {
  if (/^\.git(\/|$)/.test(path)) return "lies in a folder that belongs to Git";
  if (/^(Aqmfile\.ts|conf(\/|$))/.test(path)) return "is read before anything is built";
  return null;
}

/** What nearly every path is like: parts that begin with a letter, a digit or _. */
const PLAIN = /^\w[\w.-]*(?:\/\w[\w.-]*)*$/;
const OURS = /^(?:\.aqm|aqm\.lock)(?:\/|$)/;

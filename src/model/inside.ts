/** What nearly every name is like, one with overrides too: short parts that begin with a letter, a digit or _. */
const PLAIN = /^\w[\w.=,+-]{0,200}(?:\/\w[\w.=,+-]{0,200})*$/;

/** File systems allow so many bytes a part, and paths so many in all. */
const LONGEST_PART = 255;
const LONGEST = 4000;

/**
 * Says why a name may not be used below a folder, or null when it may: such a name, joined to any folder, is a
 * place in that folder. Every name that comes from a file, an archive, a listing, a record, a journal or a
 * manifest is asked for here before it reaches the disk. Links on the disk are another question:
 * see `placeInside`. `runner/inside.py` is the same rule in Python; both are held to the same table of names.
 */
export function whyNotInside(name: unknown): string | null {
  if (typeof name !== "string") return "is no text";
  if (PLAIN.test(name) && name.length <= LONGEST) return null;
  if (name === "") return "is empty";
  if (!name.isWellFormed()) return "has half a character";
  if (name.startsWith("/")) return "is absolute";
  if (name.includes("\0")) return "has a NUL byte";
  if (name.includes("\\")) return "has a backslash";
  const parts = name.split("/");
  if (parts.includes("..") || parts.includes(".")) return "has a . or .. part";
  if (parts.includes("")) return "has an empty part";
  const bytes = (text: string): number => new TextEncoder().encode(text).length;
  if (parts.some((part) => bytes(part) > LONGEST_PART) || bytes(name) > LONGEST)
    return "is too long for a file system";
  return null;
}

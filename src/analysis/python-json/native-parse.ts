import { pyFloat, type PyJson } from "./value.ts";

/** Deep enough for any document here, shallow enough never to exhaust the call stack. */
export const MAX_DEPTH = 500;

/** The only key of an object that stands for a float: a control character that no document has. */
const MARK = "\u009f";
const WAYS_TO_WRITE_MARK = [MARK, "\\u009f", "\\u009F"];

/** A float in a list or an object, with what must stand before and behind it. */
const FLOAT =
  /((?:"[ \n\r\t]*:|[[,])[ \n\r\t]*)(-?(?:0|[1-9]\d*)(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+))(?=[ \n\r\t]*[,\]}])/g;

/**
 * What `parsePythonJson` returns, but by the engine's own parser, which is many times as fast in code that was
 * loaded a moment ago. Undefined where that parser would lose something, or the text is not JSON: then it has
 * to be read by hand.
 *
 * Floats are marked in the text first. What looks like one inside a string is marked as well; but then the
 * quote of the mark ends that string, and the text is not JSON any more.
 */
export function parseNatively(text: string): PyJson | undefined {
  if (WAYS_TO_WRITE_MARK.some((way) => text.includes(way))) return undefined;
  if (!/^[ \n\r\t]*[[{]/.test(text)) return undefined; // perhaps a float with nothing around it
  let marked: unknown;
  try {
    marked = JSON.parse(text.replace(FLOAT, `$1{"${MARK}":$2}`));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const keys = { read: 0 };
  const value = converted(marked, 0, keys);
  // Of two equal keys of an object that parser has dropped one.
  return keys.read === keysIn(text) ? value : undefined;
}

/** How many keys a JSON text has. */
function keysIn(text: string): number {
  let count = 0;
  for (const [, colon] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"[ \n\r\t]*(:?)/g)) {
    if (colon !== "") count += 1;
  }
  return count;
}

function converted(value: unknown, depth: number, keys: { read: number }): PyJson | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") return integer(value);
  if (Array.isArray(value)) {
    const list: PyJson[] = [];
    for (let index = 0; index < value.length; index++) {
      const part = converted(value[index], depth + 1, keys);
      if (part === undefined) return undefined;
      list.push(part);
    }
    return list;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const float = fields[MARK];
  if (typeof float === "number") return pyFloat(float);
  const object = new Map<string, PyJson>();
  for (const key in fields) {
    // Those that look like an index have left their place.
    const first = key.charCodeAt(0);
    const part =
      first >= 0x30 && first <= 0x39 ? undefined : converted(fields[key], depth + 1, keys);
    if (part === undefined) return undefined;
    keys.read += 1;
    object.set(key, part);
  }
  return object;
}

/** Python has no negative integer zero; what JavaScript rounds is not known here any more. */
function integer(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

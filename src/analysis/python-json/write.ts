import { pythonFloatRepr } from "../text/float-repr.ts";
import { isPyList, isPyObject, type PyJson } from "./value.ts";

/**
 * Writes the bytes of Python's `json.dump(value, file, indent=2)`: ASCII only,
 * keys in insertion order, no trailing newline.
 *
 * NaN and Infinity come out as the bare words Python writes. They are not
 * JSON; readers of this package refuse them with the place they stand at.
 */
export function writePythonJson(value: PyJson): string {
  const parts: string[] = [];
  writeValue(value, "\n", parts);
  return parts.join("");
}

function writeValue(value: PyJson, newline: string, parts: string[]): void {
  if (isPyObject(value)) {
    writeContainer("{", "}", value, newline, parts, ([key, item], inner) => {
      parts.push(quote(key), ": ");
      writeValue(item, inner, parts);
    });
  } else if (isPyList(value)) {
    writeContainer("[", "]", value, newline, parts, (item, inner) => {
      writeValue(item, inner, parts);
    });
  } else {
    parts.push(scalarText(value));
  }
}

function writeContainer<T>(
  open: string,
  close: string,
  items: Iterable<T>,
  newline: string,
  parts: string[],
  writeItem: (item: T, newline: string) => void,
): void {
  const inner = `${newline}  `;
  let separator = "";
  parts.push(open);
  for (const item of items) {
    parts.push(separator, inner);
    writeItem(item, inner);
    separator = ",";
  }
  // Python writes an empty container without a line break.
  if (separator !== "") parts.push(newline);
  parts.push(close);
}

function scalarText(value: null | boolean | number | bigint | string | { float: number }): string {
  if (value === null) return "null";
  if (typeof value === "string") return quote(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "bigint") return value.toString();
  // BigInt spells large integers out, where String() would switch to an exponent.
  if (typeof value === "number") return BigInt(value).toString();
  return pythonFloatRepr(value.float);
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};

/** Everything outside printable ASCII is escaped by UTF-16 code unit, in lower-case hex. */
function quote(text: string): string {
  const escaped = text.replace(/["\\]|[^ -~]/g, (unit) => {
    return SHORT_ESCAPES[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

import { exactNumber } from "../../model/exact-number.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { Key } from "./element.ts";
import { isBareText } from "./word.ts";

/** A key as it can be typed. */
export function keyText({ group, option, path }: Key): string {
  const place = option === null ? escaped(group) : `${escaped(group)}/${escaped(option)}`;
  return [place, ...path.map(escaped)].join(".");
}

const escaped = (part: string): string => part.replace(/[\\.=/+~ \t]/g, "\\$&");

/** A value as it can be typed: reading it gives the same value. */
export function valueText(value: Json): string {
  if (typeof value === "string") return textText(value);
  if (typeof value === "number") return exactNumber(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(valueText).join(",")}]`;
  const entries = Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${textText(key)}:${valueText(item)}`).join(",")}}`;
}

/** Bare where nothing else is written the same way. */
export const textText = (text: string): string =>
  /^[a-z_][a-z0-9_.-]*$/.test(text) && isBareText(text) ? text : quoted(text);

/** Backslashes before a quote are doubled, and so are those before the closing one. */
const quoted = (text: string): string =>
  `"${text.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;

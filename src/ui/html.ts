import { oneLine } from "./escape.ts";

const NAMES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as text, in an element or an attribute. */
export const html = (text: string): string =>
  oneLine(text).replace(/[&<>"']/g, (character) => NAMES[character] ?? "");

/** JSON that no name in it can end. */
export const scriptJson = (value: object): string =>
  JSON.stringify(value)
    .replace(/</g, "\\u003c")
    .replace(/\u2028|\u2029/g, (character) => (character === "\u2028" ? "\\u2028" : "\\u2029"));

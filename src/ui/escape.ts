/**
 * Names may hold line breaks and other control characters. On a terminal or in a log they would pretend to be
 * lines, or colours, of their own; so every text view shows them as escapes. JSON has them as they are.
 */
export const oneLine = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escaped);

/** The same for what may have several lines: a cause from a log, for instance. */
export const severalLines = (text: string): string => text.split("\n").map(oneLine).join("\n");

const NAMES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

const escaped = (character: string): string =>
  NAMES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

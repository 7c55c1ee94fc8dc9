/**
 * Names may hold line breaks, other control characters, and characters that no one sees or that turn the direction of
 * the text around them (Unicode's Trojan Source). On a terminal or in a log they would pretend to be lines, colours or
 * names of their own; so every text view shows them as escapes. JSON has them as they are.
 */
export const oneLine = (text: string): string => text.replace(UNSEEN, escaped);

/** The same for what may have several lines: a cause from a log, for instance. */
export const severalLines = (text: string): string => text.split("\n").map(oneLine).join("\n");

/** Controls, formats (but for joiners, which emoji and some scripts need), separators of lines, half characters. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;

const NAMES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return NAMES[character] ?? (code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`);
}

import stringWidth from "string-width";

/** How many columns of a terminal `text` takes: wide characters two, combining marks and colours none. */
export const columnsOf = (text: string): number => stringWidth(text);

/** `text` with spaces behind it, up to `columns`. */
export const padded = (text: string, columns: number): string =>
  text + " ".repeat(Math.max(0, columns - columnsOf(text)));

/**
 * Shortens plain text, without colours, to at most `columns`. `keep` is the part that stays: the start, or
 * both ends of a path, most of the room for its last part.
 */
export function clip(text: string, columns: number, keep: "start" | "ends" = "start"): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return "";
  const characters = [...segmenter.segment(text)].map(({ segment }) => segment);
  if (keep === "start") return `${within(characters, columns - 1)}…`;
  const front = within(characters, Math.min(20, Math.floor(columns / 3)));
  const back = within(characters.toReversed(), columns - columnsOf(front) - 1);
  return `${front}…${text.slice(text.length - back.length)}`;
}

const segmenter = new Intl.Segmenter();

/** As many of the characters as fit, from the first on. */
function within(characters: readonly string[], columns: number): string {
  let taken = 0;
  let width = 0;
  for (const character of characters) {
    width += columnsOf(character);
    if (width > columns) break;
    taken += 1;
  }
  return characters.slice(0, taken).join("");
}

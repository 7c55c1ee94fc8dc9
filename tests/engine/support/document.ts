/*
 * A document with regions as a person sees it: lines with their ends, some of which are markers. Made
 * without the engine's own parser, which it is there to judge.
 */

/** What a person writes begins with that, and nothing that an op writes does. */
const BY_HAND = "BY ME";

export const FIRST_WORDS = "# Words of a person, so that none of them is lost: \u00e4 \u2713\n";

export type DocumentEdit =
  | "words above"
  | "words below"
  | "inside"
  | "empty"
  | "unmark"
  | "half a marker"
  | "move to the top"
  | "line ends"
  | "delete";

const begin = (id: string): string => `<!-- aqm:${id} begin -->`;
const end = (id: string): string => `<!-- aqm:${id} end -->`;

const linesOf = (text: string): readonly string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** The lines of the markers; null where there is none, an error where they are no pair. */
function markersIn(lines: readonly string[], id: string): [number, number] | Error | null {
  const at = lines.flatMap((line, n) => ([begin(id), end(id)].includes(line.trim()) ? [n] : []));
  const [first, last] = at;
  if (first === undefined) return null;
  if (last === undefined) return new Error(`half of the markers of ${id} is missing`);
  return [first, last];
}

/** What a region holds, with plain line ends; null where it waits to be filled. */
export function regionIn(text: string, id: string): string | Error | null {
  const lines = linesOf(text);
  const markers = markersIn(lines, id);
  if (markers === null || markers instanceof Error) return markers;
  const inside = lines.slice(markers[0] + 1, markers[1]).join("");
  return inside.trim() === "" ? null : inside.replaceAll("\r\n", "\n");
}

/** Everything but what is in the regions. */
function outside(text: string, ids: readonly string[]): string {
  let lines = linesOf(text);
  for (const id of ids) {
    const markers = markersIn(lines, id);
    if (markers === null || markers instanceof Error) continue;
    lines = [...lines.slice(0, markers[0] + 1), ...lines.slice(markers[1])];
  }
  return lines.join("");
}

/** What is wrong with what a build left of a person's words: only markers may have come, at the end. */
export function harmed(
  before: string | null,
  after: string | null,
  ids: readonly string[],
): readonly string[] {
  if (after === null) return before === null ? [] : ["a build removed the document"];
  const [was, is] = [outside(before ?? "", ids), outside(after, ids)];
  if (is === was) return [];
  const coming = ids.filter((id) => markersIn(linesOf(before ?? ""), id) === null);
  const added = coming.map((id) => `\r?\n?\r?\n?${begin(id)}\r?\n${end(id)}\r?\n`);
  const allowed = added.length > 0 && new RegExp(`^(?:${added.join("|")})+$`).test(tail(is, was));
  return allowed
    ? []
    : [`outside the regions was ${JSON.stringify(was)}, and is ${JSON.stringify(is)}`];
}

const tail = (is: string, was: string): string => (is.startsWith(was) ? is.slice(was.length) : is);

/** The regions that a person has written in, with what is there. */
export function writtenByHand(
  text: string | null,
  ids: readonly string[],
): ReadonlyMap<string, string> {
  const found = ids.map((id) => [id, text === null ? null : regionIn(text, id)] as const);
  return new Map(
    found.flatMap(([id, inside]) =>
      typeof inside === "string" && inside.includes(BY_HAND) ? [[id, inside] as const] : [],
    ),
  );
}

/** The document after a person edited it; null when that removed it. */
export function edited(
  text: string | null,
  how: DocumentEdit,
  id: string,
  value: number,
): string | null {
  if (how === "delete") return null;
  const whole = text ?? "";
  if (how === "words above") return `${value} words, \u00e4 \u2713\n${whole}`;
  if (how === "words below") return `${whole}${value} words, and no end of the line`;
  const lines = linesOf(whole);
  if (how === "line ends") {
    const to = whole.includes("\r\n") ? "\n" : "\r\n";
    return lines.map((line) => line.replace(/\r?\n$/, to)).join("");
  }
  const markers = markersIn(lines, id);
  if (how === "unmark")
    return lines.filter((line) => ![begin(id), end(id)].includes(line.trim())).join("");
  if (markers instanceof Error) return text;
  const words = `${BY_HAND}${value}`;
  if (markers === null) {
    if (how !== "inside") return text;
    return `${begin(id)}\n${words}\n${end(id)}\n${whole}`;
  }
  const [first, last] = markers;
  const [above, inside, below] = [
    lines.slice(0, first + 1).join(""),
    lines.slice(first + 1, last).join(""),
    lines.slice(last).join(""),
  ];
  switch (how) {
    case "inside":
      // Of the same size where there was something, so that sizes tell nothing.
      return above + (inside === "" ? `${words}\n` : inside.replace(/^.{6}/, words)) + below;
    case "empty":
      return above + below;
    case "half a marker":
      return lines.filter((_, n) => n !== (value % 2 === 0 ? first : last)).join("");
    case "move to the top":
      return [
        ...lines.slice(first, last + 1),
        ...lines.slice(0, first),
        ...lines.slice(last + 1),
      ].join("");
  }
}

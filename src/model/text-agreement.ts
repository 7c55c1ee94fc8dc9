/** Where two texts differ that have no meaning known to aqm. */
export type TextDifference =
  | { readonly kind: "none" }
  /** The same words and numbers in other lines or with other white space. */
  | { readonly kind: "layout" }
  /** The same words in the same order: only numbers and digests are others. */
  | NumberDifference
  /** The same rows of Markdown tables in another order, apart from numbers: tables that are sorted by these. */
  | { readonly kind: "order"; readonly changed: number }
  | {
      readonly kind: "words";
      /** Words that one text has more often than the other, each as often as that. */
      readonly onlyA: readonly string[];
      readonly onlyB: readonly string[];
    };

export interface NumberDifference {
  readonly kind: "numbers";
  readonly changed: number;
  /** The first of them, in both texts. */
  readonly first: readonly [a: string, b: string];
  /** Whether some are whole on both sides, so that they may be counts or places in a list. */
  readonly whole: boolean;
}

/**
 * Compares two texts word by word. A word ends at white space and at the punctuation of Markdown, JSON and HTML, so a
 * number in a name (`layers.12`, `a8`) is part of that word, and another name is another word. Signs, units and
 * punctuation are words as well: only the digits of a number may be others.
 */
export function textDifference(a: string, b: string): TextDifference {
  if (a === b) return { kind: "none" };
  const [first, second] = [tokensOf(a), tokensOf(b)];
  const [shapesA, shapesB] = [first.map(shapeOf), second.map(shapeOf)];
  if (isSame(shapesA, shapesB)) {
    const changed = first.flatMap((token, at) => {
      const other = second[at] ?? "";
      return token === other || shapeOf(token) === RULE ? [] : [[token, other] as const];
    });
    // White space that follows from numbers is padding of a table; line ends do not follow from them.
    const [pair] = changed;
    if (pair === undefined || /\r/.test(a) !== /\r/.test(b)) return { kind: "layout" };
    const whole = changed.some((both) => both.every((token) => /^[-+−]?\d+$/.test(token)));
    return { kind: "numbers", changed: changed.length, first: pair, whole };
  }
  const [rowsA, rowsB] = [linesOf(a), linesOf(b)];
  if (isSame(withSortedTables(rowsA), withSortedTables(rowsB)))
    return { kind: "order", changed: rowsA.filter((row, at) => row !== rowsB[at]).length };
  const [onlyA, onlyB] = [moreOften(shapesA, shapesB, first), moreOften(shapesB, shapesA, second)];
  return { kind: "words", onlyA, onlyB };
}

/** The words of a text as `textDifference` takes them, with numbers and without punctuation. */
export const wordsOf = (text: string): readonly string[] =>
  tokensOf(text).filter((token) => !isPunctuation(token));

export const isPunctuation = (token: string): boolean => /^[|,;:()[\]{}"'=`*_~]$/.test(token);

const tokensOf = (text: string): readonly string[] =>
  text
    // In the path of a drawing a letter stands before numbers, and is no part of a name.
    .replace(/\bd="[MLHVCSQTAZmlhvcsqtaz\d.,\s+eE-]*"/g, (path) =>
      path.replace(/(?<=["\d.,\s])[MLHVCSQTAZmlhvcsqtaz]/g, " $& "),
    )
    .replace(/[<>|,;:()[\]{}"'=`*_~]/g, " $& ")
    .split(/\s+/)
    .flatMap((token) => {
      const end = /[.!?]+$/.exec(token)?.[0] ?? "";
      return [token.slice(0, token.length - end.length), end];
    })
    .filter((token) => token !== "");

const NUMBER = String.raw`(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?`;
/** One, or several as in a range or a share, and a unit. */
const NUMBERS = new RegExp(`^[×±≈]?[-+−]?${NUMBER}(?:[-–/×]${NUMBER})*(?:%|px|em|s|ms|MB|GB)?$`);
const EACH = new RegExp(NUMBER, "g");
/** The line below the titles of a Markdown table: as long as a column is wide. */
const RULE = "---";

/** The part of a token that has to be equal; of a word that is the whole word. */
function shapeOf(token: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(token)) return "(day)";
  if (NUMBERS.test(token)) return token.replace(EACH, "0");
  if (/^#[0-9a-fA-F]{3,8}$/.test(token)) return "(colour)";
  if (/^[0-9a-f]{10,64}$/.test(token)) return "(digest)";
  return /^-{3,}$/.test(token) ? RULE : token;
}

const linesOf = (text: string): readonly string[] =>
  text.split("\n").map((line) => (isRow(line) ? "| " : "") + tokensOf(line).map(shapeOf).join(" "));

const isRow = (line: string): boolean => /^\s*\|/.test(line);

/** Lines, of which those that follow each other as rows of one table are in an order that their numbers do not decide. */
function withSortedTables(lines: readonly string[]): readonly string[] {
  const sorted: string[] = [];
  let rows: string[] = [];
  for (const line of [...lines, ""]) {
    if (isRow(line)) rows.push(line);
    else {
      sorted.push(...rows.sort(), line);
      rows = [];
    }
  }
  return sorted;
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, at) => one === b[at]);

/** Tokens of `a` whose shapes are there more often than in `b`, in the order of `a`; else where the two part. */
function moreOften(
  a: readonly string[],
  b: readonly string[],
  tokens: readonly string[],
): readonly string[] {
  const left = new Map<string, number>();
  for (const shape of b) left.set(shape, (left.get(shape) ?? 0) + 1);
  const more = tokens.filter((_, at) => {
    const shape = a[at] ?? "";
    const count = left.get(shape) ?? 0;
    if (count > 0) left.set(shape, count - 1);
    return count === 0;
  });
  if (more.length > 0 || a.length !== b.length) return more;
  return tokens.filter((_, at) => a[at] !== b[at]);
}

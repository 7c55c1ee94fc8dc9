/** In what two texts differ, when nobody knows what they mean. */
export type TextDifference =
  | { readonly kind: "none" }
  /** The same words in the same order: only numbers and digests are others. */
  | {
      readonly kind: "numbers";
      readonly changed: number;
      /** The first of them, in both texts; empty where a text ends before it. */
      readonly first: readonly [a: string, b: string];
    }
  /** The same words as often, in another order: rows of a table that is sorted by its numbers. */
  | { readonly kind: "order"; readonly changed: number }
  | {
      readonly kind: "words";
      /** Words that one text has more often than the other, each as often as that. */
      readonly onlyA: readonly string[];
      readonly onlyB: readonly string[];
    };

/**
 * Compares two texts word by word. A word ends at white space and at the punctuation of Markdown, JSON and HTML, so a
 * number in a name (`layers.12`) is part of that word, and another name is another word.
 */
export function textDifference(a: string, b: string): TextDifference {
  if (a === b) return { kind: "none" };
  const [first, second] = [tokensOf(a), tokensOf(b)];
  const [wordsA, wordsB] = [first.filter(isWord), second.filter(isWord)];
  const sameOrder =
    wordsA.length === wordsB.length && wordsA.every((word, index) => word === wordsB[index]);
  if (sameOrder) {
    const [valuesA, valuesB] = [first.filter(isValue), second.filter(isValue)];
    const most = Math.max(valuesA.length, valuesB.length);
    const changed = Array.from({ length: most }, (_, at) => at).filter(
      (at) => valuesA[at] !== valuesB[at],
    );
    const [at = 0] = changed;
    const of = [valuesA[at] ?? "", valuesB[at] ?? ""] as const;
    return { kind: "numbers", changed: changed.length, first: of };
  }
  const [onlyA, onlyB] = [moreOften(wordsA, wordsB), moreOften(wordsB, wordsA)];
  if (onlyA.length + onlyB.length > 0) return { kind: "words", onlyA, onlyB };
  return { kind: "order", changed: wordsA.filter((word, index) => word !== wordsB[index]).length };
}

const tokensOf = (text: string): readonly string[] =>
  text
    .split(/[\s|,;:()[\]{}<>"'=`*_~]+/)
    .map((token) => token.replace(/[.!?]+$/, ""))
    .filter((token) => token !== "");

const NUMBER = String.raw`[-+−]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?`;

/** A number with a unit or a percent sign, the path of a drawing, a colour, a digest. */
const VALUE = new RegExp(
  `^(?:[×±~≈]?${NUMBER}(?:%|px|em|s|ms|MB|GB)?|[MLHVCSQTAZmlhvcsqtaz]?(?:${NUMBER}[MLHVCSQTAZmlhvcsqtaz]{0,2})+|#[0-9a-fA-F]{3,8}|[0-9a-f]{10,64}|\\d{4}-\\d\\d-\\d\\d|[-–—]+)$`,
);

const isValue = (token: string): boolean => VALUE.test(token);
const isWord = (token: string): boolean => !isValue(token);

/** Words of `a` beyond those that `b` has, in the order of `a`. */
function moreOften(a: readonly string[], b: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const word of b) left.set(word, (left.get(word) ?? 0) + 1);
  return a.filter((word) => {
    const count = left.get(word) ?? 0;
    if (count > 0) left.set(word, count - 1);
    return count === 0;
  });
}

import { wrongNumber } from "../../model/exact-number.ts";
import type { Failure } from "../../model/failure.ts";
import type { Json } from "../../model/json.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { usage } from "./element.ts";

/** Hydra's numbers: digits may be in groups (`1_000`), and no number begins with a zero that says nothing. */
const WHOLE = "(?:0|[1-9](?:_?[0-9])*)";
const DIGITS = "[0-9](?:_?[0-9])*";
const INTEGER = new RegExp(`^[+-]?${WHOLE}$`);
const FLOAT = new RegExp(
  `^[+-]?(?:(?:${WHOLE}\\.|${WHOLE}?\\.${DIGITS})(?:[eE][+-]?${DIGITS})?|${WHOLE}[eE][+-]?${DIGITS})$`,
);

/** What a config file reads as null, a number or infinity, and Hydra as text. */
const ONLY_YAML =
  /^(?:~|0x[0-9a-fA-F]+|0o[0-7]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?0[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)$/;

/**
 * A bare word with the type that Hydra gives it. A word that a config file would read as something else than text is
 * refused, and so is a number that cannot be held exactly.
 */
export function readWord(word: string): Result<Json, Failure> {
  if (/^null$/i.test(word)) return ok(null);
  if (/^(?:true|false)$/i.test(word)) return ok(word.toLowerCase() === "true");
  if (/^[+-]?(?:inf|nan)$/i.test(word) || ONLY_YAML.test(word)) {
    return err(
      usage(
        `${word} is not a value`,
        `Write '${word}' in quotes if it is text, or the value that you mean.`,
        "Hydra and a config file read it differently, or JSON cannot hold it",
      ),
    );
  }
  if (!INTEGER.test(word) && !FLOAT.test(word)) return ok(word);
  const digits = word.replaceAll("_", "").replace(/^\+/, "");
  const number = Number(digits);
  const wrong = wrongNumber(number, digits);
  return wrong === null
    ? ok(number + 0) // no negative zero
    : err(usage(`${word} ${wrong}`, "Write it shorter, or as text in quotes."));
}

/** Whether a bare word is read as that text. */
export function isBareText(word: string): boolean {
  const read = readWord(word);
  return read.ok && read.value === word;
}

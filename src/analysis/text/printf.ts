import { padExponent } from "./float-repr.ts";

/**
 * C's `%.<digits>f` and `%.<digits>e`, as Python prints them. JavaScript's own
 * methods differ on exact ties, which they round up and C rounds to even (4.25
 * with one digit is 4.2), and on one-digit exponents. Finite values only.
 */
export function printFixed(value: number, digits: number): string {
  return toEvenOnTie((precision) => value.toFixed(precision), digits);
}

export function printExponential(value: number, digits: number): string {
  const [, exponent = ""] = value.toExponential(digits).split("e");
  const mantissa = toEvenOnTie(
    (precision) => value.toExponential(precision).split("e")[0] ?? "",
    digits,
  );
  return padExponent(`${mantissa}e${exponent}`);
}

/** The most that JavaScript prints; a tie has far fewer, so it shows exactly. */
const MOST_DIGITS = 100;

function toEvenOnTie(print: (digits: number) => string, digits: number): string {
  const rounded = print(digits);
  const last = Number(rounded.at(-1));
  // A carry (9.9995 to 1.000e+01) ends in zero, which is even already.
  if (last % 2 === 0) return rounded;
  // All its digits take long, so first whether the next one is that of a tie.
  if (!print(digits + 1).endsWith("5")) return rounded;
  const exact = print(MOST_DIGITS);
  const cut = exact.slice(exact.indexOf(".") + 1 + digits);
  if (!/^50*$/.test(cut)) return rounded;
  // JavaScript rounded away from zero to an odd digit: the even one is one less, without borrow.
  return `${rounded.slice(0, -1)}${last - 1}`;
}

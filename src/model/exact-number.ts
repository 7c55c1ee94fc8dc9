/** What the shortest text of any number has at most. */
const MOST_DIGITS = 17;

/**
 * Why a number that was written as `source` cannot be held as it was said: JavaScript would round it, or make
 * infinity or zero. Null for a number that means what was written.
 */
export function wrongNumber(value: number, source: string): string | null {
  if (!Number.isFinite(value)) return "is no number that JSON can hold";
  const whole = !/^[-+]?[0-9]*[.eE]|[0-9][.eE]/.test(source) || /^[-+]?0[xo]/.test(source);
  if (whole) return Number.isSafeInteger(value) ? null : "is too large to be held exactly";
  const digits = source
    .replace(/[eE].*$/, "")
    .replace(/[^0-9]/g, "")
    .replace(/^0+|0+$/g, "");
  if (digits.length > MOST_DIGITS) return "has more digits than a number holds";
  return value === 0 && digits !== "" ? "is too small to be held" : null;
}

/** The text of a number in which `wrongNumber` finds nothing wrong. */
export const exactNumber = (value: number): string =>
  Number.isInteger(value) && !Number.isSafeInteger(value)
    ? value.toExponential()
    : JSON.stringify(value);

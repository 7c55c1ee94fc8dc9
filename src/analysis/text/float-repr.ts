/**
 * A float as Python's `repr` and `json` write it.
 *
 * Both languages use the shortest digits that round-trip, but lay them out
 * differently: Python keeps `.0` on integral values, and uses the exponent form
 * below 1e-4 and from 1e16 on, with at least two exponent digits.
 * Non-finite values get the names that Python's `json` gives them.
 */
export function pythonFloatRepr(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-4 && magnitude < 1e16) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  return padExponent(value.toExponential());
}

/** `1.5e-7` to `1.5e-07`: C and Python print at least two exponent digits. */
export function padExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

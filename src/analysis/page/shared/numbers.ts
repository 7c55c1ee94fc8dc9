/** Numbers as pages show them: the same on the server's side and in the browser. */

/** Three significant digits; scores span many decades, so always with an exponent. */
export const scoreText = (score: number): string =>
  score === 0 ? "0" : score.toExponential(2).replace("e+", "e");

export const bitsText = (bits: number): string => bits.toFixed(3);

/** A budget as it was asked for, without digits that say nothing. */
export const budgetText = (bits: number): string => String(Number(bits.toFixed(3)));

/** A coordinate of a drawing: at most two digits, so that equal data give equal bytes and files stay small. */
export const at = (value: number): string => String(Number(value.toFixed(2)));

/** How many weights, roughly. */
export const roughCount = (count: number): string => {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} G`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} M` : `${(count / 1e3).toFixed(1)} k`;
};

/** The unit that a column of so many weights at most is told in. */
export const weightUnit = (most: number): { readonly name: string; readonly size: number } =>
  most >= 1e6 ? { name: "M", size: 1e6 } : { name: "k", size: 1e3 };

/** Size of so many weights at so many bits; scales and zero points are left out. */
export const sizeText = (weights: number, bits: number): string => {
  const bytes = (weights * bits) / 8;
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(2)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
};

/** Of so many blocks side by side, every so manyth has its number above it. */
export const numbered = (blocks: number): number => (blocks > 16 ? 5 : 1);

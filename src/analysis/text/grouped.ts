/**
 * A whole number with commas between thousands, as in 3,565,158,400. Its own function, since an op may not ask the
 * machine for a locale.
 */
export const groupedDigits = (count: number): string =>
  String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");

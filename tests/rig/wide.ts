/**
 * Whether wider samples are taken, as `npm run test:engines` and the soak do. A file of tests that asks
 * is among the files of the project `engines` in tests/suites.json.
 */
export const WIDE = process.env["AQM_WIDE"] === "1" || process.env["AQM_SOAK"] === "1";

/** The first of some cases, or all of them where wider samples are taken. */
export const sample = <T>(cases: readonly T[], count = 1): T[] =>
  WIDE ? [...cases] : cases.slice(0, count);

/** How many random cases a property is tried on: a quarter of them in `npm test`, each time others. */
export const runs = (wide: number): number => (WIDE ? wide : Math.ceil(wide / 4));

/**
 * Colours, each for light and dark. The heat ramp was made in OKLCH with evenly spaced lightness: it
 * rises from the paper's side in both, keeps its order without hue, and so for every kind of colour vision.
 */
export type Pair = readonly [light: string, dark: string];

export const HEAT: readonly Pair[] = [
  ["#f5f6db", "#202343"],
  ["#dfe9c8", "#252f53"],
  ["#c6ddb8", "#283c63"],
  ["#abd2ac", "#2a4a73"],
  ["#8cc6a5", "#2a5883"],
  ["#6bbaa2", "#236890"],
  ["#4aada1", "#13799a"],
  ["#2a9ea1", "#088aa0"],
  ["#008da1", "#059ba4"],
  ["#077c9d", "#16aca5"],
  ["#036b95", "#3ebb9e"],
  ["#005a90", "#68c994"],
  ["#174983", "#92d38b"],
  ["#1f3974", "#b8dd86"],
  ["#212964", "#d8e788"],
  ["#201a53", "#f7f08e"],
];

/** From which step on text needs the other ink, light and dark. */
const TURN = [9, 7] as const;
const INK: Pair = ["#0a0c0f", "#ffffff"];

const heatInk = (step: number): Pair => [
  step < TURN[0] ? INK[0] : INK[1],
  step < TURN[1] ? INK[1] : INK[0],
];

export const THEME = {
  paper: ["#fcfcfa", "#14171c"],
  raised: ["#ffffff", "#1b1f26"],
  ink: ["#1c2126", "#e4e7ea"],
  quiet: ["#5b646d", "#9aa4ae"],
  line: ["#dcdfe2", "#313840"],
  strong: ["#868e96", "#6f7a86"],
  accent: ["#b5410f", "#ff9a5c"],
  focus: ["#1d5fd1", "#8ab8ff"],
  kept: ["#c3c8cd", "#424b55"],
  blue: ["#1d5fd1", "#8ab8ff"],
  violet: ["#8038a8", "#cf9cf0"],
  teal: ["#0b766e", "#4cc2b4"],
} as const satisfies Readonly<Record<string, Pair>>;

/** Which of the steps a position between 0 and 1 falls in. */
export const heatStep = (position: number): number =>
  Math.min(HEAT.length - 1, Math.floor(position * HEAT.length));

const each = (write: (name: string, pair: Pair) => string): string =>
  Object.entries(THEME)
    .map(([name, pair]) => write(name, pair))
    .join("");

/** Custom properties for a page, whose `color-scheme` decides. */
export const pageColours = (): string =>
  `:root{${each((name, [light, dark]) => `--${name}:light-dark(${light},${dark});`)}}` +
  HEAT.map(([light, dark], step) => {
    const [onLight, onDark] = heatInk(step);
    return `.h${step}{--c:light-dark(${light},${dark});--t:light-dark(${onLight},${onDark})}`;
  }).join("");

/** The same for a picture on its own, which follows what the reader prefers. */
export const pictureColours = (): string => {
  const scheme = (which: 0 | 1): string =>
    `:root{${each((name, pair) => `--${name}:${pair[which]};`)}}` +
    HEAT.map((pair, step) => `.h${step}{--c:${pair[which]}}`).join("");
  return `${scheme(0)}@media(prefers-color-scheme:dark){${scheme(1)}}`;
};

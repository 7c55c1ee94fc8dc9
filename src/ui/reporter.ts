import type { BuildEvent } from "../model/event.ts";

/** A live view of the event stream. Reporters are interchangeable; the engine knows none of them. */
export interface Reporter {
  readonly report: (event: BuildEvent) => void;
  /** Leaves the terminal as it was. */
  readonly close: () => void;
}

export interface Output {
  readonly write: (text: string) => void;
  readonly columns: () => number;
  /** False for a terminal that cuts what it shows when it becomes narrower; most break it into rows again. */
  readonly rewraps?: boolean;
  readonly colours: Colours;
}

export interface Colours {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const same = (text: string): string => text;
export const NO_COLOURS: Colours = {
  bold: same,
  dim: same,
  red: same,
  green: same,
  yellow: same,
  cyan: same,
};

/** A colour code inside the text does not end the outer colour. */
const between =
  (start: number, end: number) =>
  (text: string): string => {
    const [open, close] = [`\u001B[${start}m`, `\u001B[${end}m`];
    return `${open}${text.replaceAll(close, `${close}${open}`)}${close}`;
  };

/** The codes of ECMA-48 that every terminal knows. */
export const COLOURS: Colours = {
  bold: between(1, 22),
  dim: between(2, 22),
  red: between(31, 39),
  green: between(32, 39),
  yellow: between(33, 39),
  cyan: between(36, 39),
};

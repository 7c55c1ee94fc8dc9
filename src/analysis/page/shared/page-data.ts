import type { BudgetCurve, BudgetStep } from "./curve.ts";

/** What a page carries for its script, short, since most of a page's size could be this. */
export interface PageData {
  readonly layers: readonly PageDataLayer[];
  readonly kinds: readonly string[];
  readonly columns: readonly { readonly name: string; readonly bits: number }[];
  /** By column and layer; null: kept at 16 bits. */
  readonly scores: readonly (readonly (number | null)[])[];
  readonly curves: readonly PackedCurve[];
  readonly heat: HeatGrid;
  readonly chart: {
    readonly left: number;
    readonly right: number;
    readonly from: number;
    readonly to: number;
  };
  /** Weights over all layers, also those that stay at 16 bits. */
  readonly weights: number;
  /** Weights of layers that had no other choice, and of the rest. */
  readonly keptWeights: number;
}

/** Where cells are, so that a pointer or the arrow keys can find the layer behind one. */
export interface HeatGrid {
  readonly rows: readonly { readonly y: number; readonly height: number }[];
  readonly columns: readonly { readonly x: number; readonly width: number }[];
  /** Row by row: position of the column and of the layer, or null where there is no cell. */
  readonly cells: readonly (readonly (readonly [column: number, layer: number] | null)[])[];
}

/** Name, position of its kind, block or -1, weights. */
export type PageDataLayer = readonly [name: string, kind: number, block: number, weights: number];

export interface PackedCurve {
  readonly name: string;
  readonly options: readonly {
    readonly name: string;
    readonly bits: number;
    readonly column: number | null;
  }[];
  readonly steps: readonly PackedStep[];
  readonly chosen: number;
  /** Where the curve is drawn at each step. */
  readonly heights: readonly number[];
}

/**
 * Choices as differences from the step before: two characters for the layer and one for the option, in
 * base 36; of the first step one character for each layer.
 */
export type PackedStep = readonly [budget: number, bits: number, score: number, changes: string];

export function packSteps(steps: readonly BudgetStep[]): readonly PackedStep[] {
  let before: readonly number[] | undefined;
  return steps.map(({ budget, bits, score, choices }) => {
    const changes = choices
      .map((option, layer) => {
        if (before === undefined) return option.toString(36);
        return before[layer] === option
          ? ""
          : layer.toString(36).padStart(2, "0") + option.toString(36);
      })
      .join("");
    before = choices;
    return [budget, bits, score, changes];
  });
}

/** What can be packed: three characters have to do for a change. */
export const canPack = ({ options, steps }: BudgetCurve): boolean =>
  options.length <= 36 && (steps[0]?.choices.length ?? 0) <= 36 * 36;

/** The choices at each step, from the first to `last`. */
export function unpackChoices(steps: readonly PackedStep[], last: number): readonly number[] {
  const choices = Array.from(steps[0]?.[3] ?? "", (option) => Number.parseInt(option, 36));
  for (const [, , , changes] of steps.slice(1, last + 1)) {
    for (let i = 0; i < changes.length; i += 3) {
      choices[Number.parseInt(changes.slice(i, i + 2), 36)] = Number.parseInt(
        changes.charAt(i + 2),
        36,
      );
    }
  }
  return choices;
}

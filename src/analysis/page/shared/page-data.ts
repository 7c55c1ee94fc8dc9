import type { BudgetData } from "./budget-data.ts";
import type { ChartGrid } from "./chart-grid.ts";
import type { BudgetCurve, BudgetStep } from "./curve.ts";
import type { SchemeBasis } from "./scheme-yaml.ts";

/** What a page carries for its script, short, since most of a page's size could be this. */
export interface PageData extends Omit<BudgetData, "weights"> {
  readonly layers: readonly PageDataLayer[];
  readonly kinds: readonly string[];
  /** For the plan as a scheme; null where there can be none. */
  readonly scheme: SchemeBasis | null;
  /** The curve that the page begins with. */
  readonly curve: PackedCurve;
  readonly heat: HeatGrid;
  readonly chart: ChartGrid;
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

export interface PackedCurve extends Omit<BudgetCurve, "steps"> {
  readonly steps: readonly PackedStep[];
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

/** The steps as they were before packing. */
export function unpackSteps(steps: readonly PackedStep[]): readonly BudgetStep[] {
  const choices = Array.from(steps[0]?.[3] ?? "", (option) => Number.parseInt(option, 36));
  return steps.map(([budget, bits, score, changes], step) => {
    for (let i = 0; step > 0 && i < changes.length; i += 3) {
      const layer = Number.parseInt(changes.slice(i, i + 2), 36);
      choices[layer] = Number.parseInt(changes.charAt(i + 2), 36);
    }
    return { budget, bits, score, choices: [...choices] };
  });
}

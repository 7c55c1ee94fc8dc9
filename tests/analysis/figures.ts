import { readdirSync, readFileSync } from "node:fs";
import { weightCost } from "../../src/analysis/formats/cost.ts";
import type { Analysed } from "../../src/analysis/result/result.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";

/** The figures of one published manifest and of its Markdown table. */
export interface Figures {
  readonly source: string;
  readonly scheme: string;
  readonly format: string;
  readonly formatBits: number;
  readonly scope: "lm" | "all_layers";
  readonly budgetBits: number;
  readonly recorded: {
    readonly effectiveBits: number;
    readonly score: number;
    readonly satisfied: boolean;
  };
  /** Columns over the layer groups in module order; a score of null means not enabled. */
  readonly layers: readonly string[];
  readonly weights: readonly number[];
  readonly scores: readonly (number | null)[];
  /** Columns over the printed rows; `layer` is a position in `layers`. */
  readonly table?: {
    readonly layer: readonly number[];
    readonly bits: readonly string[];
    readonly sensitivity: readonly string[];
    readonly cost: readonly string[];
  };
}

const folder = new URL("../fixtures/analysis/", import.meta.url);

export function allFigures(): readonly (Figures & { readonly name: string })[] {
  return readdirSync(folder)
    .sort()
    .map((file) => ({
      name: file.replace(".json", ""),
      ...(JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Figures),
    }));
}

export function figuresOf(name: string): Figures {
  const found = allFigures().find((figures) => figures.name === name);
  if (found === undefined) throw new Error(`no figures named ${name}`);
  return found;
}

export function problemOf({ layers, weights, scores, format, formatBits }: Figures): BitProblem {
  return {
    groups: layers.map((layer, index) => {
      const size = weights[index] ?? 0;
      const score = scores[index] ?? null;
      const none = { format: "NONE", bits: 16, cost: size, score: 0 };
      const cost = weightCost(size, formatBits);
      const quantized = score === null ? [] : [{ format, bits: formatBits, cost, score }];
      return { name: layer, weights: size, candidates: [...quantized, none] };
    }),
  };
}

/** A score document, as its writer would have made it, of these figures. */
export function scoresText(figures: Figures, overrides: Record<string, unknown> = {}): string {
  return JSON.stringify({
    schema: 2,
    engine: "modelopt",
    format: { name: figures.format, charged_bits: figures.formatBits, modelopt: { quant_cfg: [] } },
    method: "gradient",
    scope: figures.scope,
    measured: {
      calibration_samples: 128,
      calibration_batches: 16,
      score_samples: 128,
      score_batches: 16,
      score_tokens: 2000,
      batch_size: 8,
      sequence_length: 512,
    },
    environment: { python: "3.12.1", torch: "2.9.1" },
    groups: figures.layers.map((layer, index) => {
      const score = figures.scores[index] ?? null;
      return {
        name: layer,
        modules: [layer],
        weights: figures.weights[index],
        enabled: score !== null,
        score: score ?? 0,
        executions: score === null ? 0 : 16,
      };
    }),
    modules: figures.layers.map((name) => ({ name, type: "QuantLinear" })),
    ...overrides,
  });
}

/** Three small layers, one of them kept in high precision. */
export const smallFigures: Figures = {
  source: "made up",
  scheme: "small",
  format: "FP8_DEFAULT_CFG",
  formatBits: 8,
  scope: "lm",
  budgetBits: 12,
  recorded: { effectiveBits: 12, score: 1, satisfied: true },
  layers: ["visual.proj", "layers.0.mlp", "layers.1.mlp"],
  weights: [100, 200, 200],
  scores: [null, 0.5, 0.25],
};

export function expectValue<T>(outcome: Analysed<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(`${outcome.error.reason}: ${outcome.error.message}`);
}

export function expectFailure(outcome: Analysed<unknown>): {
  readonly reason: string;
  readonly where: string;
  readonly message: string;
} {
  if (!outcome.ok) return outcome.error;
  throw new Error("expected a failure");
}

import type { Figure, QualityFigures } from "../quality/figures.ts";
import type { MeasuredControl } from "../schemes/scheme-quality.ts";
import { basesOf, type Basis, type SchemesOverview } from "./overview.ts";

/** What schemes are seen against: the unquantized model, and one format everywhere. */
export interface BaselineRow {
  readonly kind: "unquantized" | "uniform";
  readonly name: string;
  readonly basis: Basis;
  /** Average stored bits a weight over the layers that may be quantized; null for the unquantized model. */
  readonly bits: number | null;
  /** Of all tensors; null where it is not known. */
  readonly bytes: number | null;
  /** Null of the unquantized model: by definition it has no divergence. */
  readonly figures: QualityFigures | null;
  readonly perplexity: Figure;
}

/** Of each data: the unquantized model, then the controls of one format everywhere, each once. */
export function baselineRows(overview: SchemesOverview): readonly BaselineRow[] {
  return basesOf(overview).flatMap((basis): readonly BaselineRow[] => [
    {
      kind: "unquantized",
      name: "not quantized",
      basis,
      bits: null,
      bytes: overview.tensors?.bytes ?? null,
      figures: null,
      perplexity: basis.reference.perplexity,
    },
    ...uniformControls(basis).map((control): BaselineRow => {
      const { name, bits, ...figures } = control;
      return {
        kind: "uniform",
        name,
        basis,
        bits,
        bytes: null,
        figures,
        perplexity: figures.perplexity,
      };
    }),
  ]);
}

/** Schemes of other candidates measure the same uniform plan again, with the same figures. */
function uniformControls({ schemes }: Basis): readonly MeasuredControl[] {
  const found = new Map<string, MeasuredControl>();
  for (const { quality, asked } of schemes) {
    for (const control of quality.controls) {
      if (control.kind !== "uniform") continue;
      const key = JSON.stringify([control.name, control.bits, control.kl, asked.lm_head]);
      if (!found.has(key)) found.set(key, control);
    }
  }
  return [...found.values()];
}

import { action, committed, typescriptOp, type DeclaredAction, type Input } from "aqm";
import type { PairQuantizers } from "aqm/analysis";
import type { Scope, Size } from "./configs.ts";

const op = typescriptOp<typeof import("./ops/analysis-page.ts")>("aqm/rules/ops/analysis-page.ts");

export interface ShownAnalysis {
  /** The pair. */
  readonly name: string;
  readonly scores: Input;
  /** What is recorded of the scores. */
  readonly record: Input;
  readonly manifest: Input;
  readonly quantizers: PairQuantizers;
}

/** A pair that a page could have, and why it does not. */
export interface LeftOut {
  readonly name: string;
  readonly quantizers: PairQuantizers;
  readonly because: string;
}

export interface Page {
  /** Without its ending: the pictures lie beside it under the same name. */
  readonly path: string;
  readonly title: string;
  readonly subtitle: string;
  readonly analyses: readonly ShownAnalysis[];
  readonly skipped?: readonly LeftOut[];
  /** Of all analyses; absent where a scheme cannot have their scores. */
  readonly settings?: { readonly scope: Scope; readonly size: Size };
  /** Only where it is false: no server was tried with a model of this kind. */
  readonly served?: false;
  readonly links: readonly { readonly text: string; readonly href: string }[];
}

/** An offline page about one or several analyses, and its main pictures for Markdown. */
export function analysisPage(page: Page): DeclaredAction {
  const { path, title, subtitle, analyses, skipped = [], links, settings, served } = page;
  const inputs: Record<string, Input> = {};
  for (const { name, scores, record, manifest } of analyses) {
    inputs[`manifest_${name}`] = manifest;
    inputs[`scores_${name}`] = scores;
    inputs[`record_${name}`] = record;
  }
  return action({
    op,
    params: {
      title,
      subtitle,
      analyses: analyses.map(({ name, quantizers }) => ({ name, quantizers })),
      ...(skipped.length === 0 ? {} : { skipped }),
      links,
      ...(settings === undefined ? {} : { settings }),
      ...(served === undefined ? {} : { served }),
    },
    inputs,
    outputs: {
      page: committed(`${path}.html`),
      heatmap: committed(`${path}-heatmap.svg`),
      depth: committed(`${path}-depth.svg`),
      frontier: committed(`${path}-frontier.svg`),
    },
  });
}

const SCOPE_NAMES = { lm: "language layers", all_layers: "all layers" } as const;

export const scopeAndSize = (scope: Scope, size: Size): string => `${SCOPE_NAMES[scope]}, ${size}`;

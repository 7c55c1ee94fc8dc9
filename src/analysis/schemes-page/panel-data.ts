import type { Figure } from "../quality/figures.ts";
import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import type { PlanKind } from "../quality/plan-document.ts";
import { byteText, intervalText, sizeText, smallText } from "../quality-report/figure-text.ts";
import { KINDS } from "../quality-report/names.ts";
import { goalStateOf } from "../schemes-overview/goal-state.ts";
import {
  allLayerBits,
  layerWeights,
  type LayerWeights,
} from "../schemes-overview/layer-weights.ts";
import {
  basesOf,
  type Basis,
  type MeasuredScheme,
  type SchemesOverview,
} from "../schemes-overview/overview.ts";
import { schemeWord } from "../schemes-overview/scheme-words.ts";
import { dataName } from "../schemes-overview/table-rows.ts";

/** A mark of a plot of size against divergence. */
export interface PlotPoint {
  readonly kind: PlanKind | "baseline";
  /** Shown beside it; null of controls that are many. */
  readonly label: string | null;
  readonly says: string;
  readonly bits: number;
  readonly kl: Figure;
  readonly proven: boolean;
}

/** A plot of everything that was measured on one set of held-out data. */
export interface PanelData {
  readonly title: string;
  /** Which average the bits are: over all layers, where the shapes of all are known, else over those of each scheme. */
  readonly counted: "all layers" | "layers that may be quantized";
  readonly points: readonly PlotPoint[];
  /** Plans of a measured frontier, by rising bits. */
  readonly frontiers: readonly { readonly name: string; readonly points: readonly PlotPoint[] }[];
  /** Greatest divergences that schemes ask for. */
  readonly goals: readonly { readonly text: string; readonly kl: number }[];
}

export const panelsOf = (overview: SchemesOverview): readonly PanelData[] =>
  basesOf(overview).map((basis) => panelOf(overview, basis));

function panelOf({ tensors, frontiers, schemes }: SchemesOverview, basis: Basis): PanelData {
  const weights = basis.schemes.map((shown) => layerWeights(shown, tensors));
  const known = weights.filter((own) => own !== null);
  const [first] = known;
  const isAll = known.length === weights.length && known.every(({ all }) => all === first?.all);
  const bitsOf = (own: LayerWeights | null, bits: number): number =>
    isAll && own !== null ? allLayerBits(own, bits) : bits;
  const uniform = new Set<string>();
  const points = basis.schemes.flatMap((shown, n) =>
    pointsOf(shown, (bits) => bitsOf(weights[n] ?? null, bits), uniform),
  );
  return {
    title: dataName(basis),
    counted: isAll ? "all layers" : "layers that may be quantized",
    points,
    frontiers: isAll && first !== undefined ? frontiersOf(frontiers, basis, first.all) : [],
    goals: goalsOf(schemes, basis),
  };
}

/** @param uniform names of uniform plans that are drawn already: schemes of other candidates measure them again */
function pointsOf(
  shown: MeasuredScheme,
  bitsOf: (bits: number) => number,
  uniform: Set<string>,
): readonly PlotPoint[] {
  const { name, quality, scheme } = shown;
  const { verdict, figures, controls, bits } = quality;
  const says = (size: number, kl: Figure): string =>
    `${sizeText(size)} bits, KL ${intervalText(kl, smallText)}`;
  const word = schemeWord(shown);
  const isFresh = (plan: string): boolean => {
    const fresh = !uniform.has(plan);
    uniform.add(plan);
    return fresh;
  };
  return [
    ...controls
      .filter(({ kind, name: plan, kl }) => kind !== "uniform" || isFresh(`${plan} ${kl.value}`))
      .map(({ kind, name: plan, bits: size, kl }): PlotPoint => ({
        kind,
        label: kind === "uniform" ? `all ${plan.replace(/^uniform-/, "")}` : null,
        says: `${plan}${kind === "uniform" ? "" : ` of ${name}`}: ${says(size, kl)}, ${kind === "start" ? KINDS.start.name : "control"}`,
        bits: bitsOf(size),
        kl,
        proven: false,
      })),
    {
      kind: verdict === null && controls.length === 0 ? "baseline" : "solver",
      label: name,
      says: `${name}: ${byteText(scheme.achieved.bytes)}, ${says(bits, figures.kl)}, ${word}`,
      bits: bitsOf(bits),
      kl: figures.kl,
      proven: verdict?.word === "proven",
    },
  ];
}

/** Divergences that schemes of this scope ask for, each once, met or not. */
function goalsOf(
  schemes: SchemesOverview["schemes"],
  { scope }: Pick<Basis, "scope">,
): PanelData["goals"] {
  const bounds = new Map<number, string[]>();
  for (const shown of schemes) {
    const goal = goalStateOf(shown)?.goal;
    if (goal?.figure !== "kl" || shown.asked.scope !== scope || shown.because !== null) continue;
    bounds.set(goal.bound, [...(bounds.get(goal.bound) ?? []), shown.name]);
  }
  return [...bounds].map(([kl, names]) => ({ text: `goal KL ≤ ${kl}: ${names.join(", ")}`, kl }));
}

/** Those of the same data that count the same layers. */
function frontiersOf(
  frontiers: readonly MeasuredFrontier[],
  { scope, held_out }: Basis,
  all: number,
): PanelData["frontiers"] {
  return frontiers
    .filter(
      (of) =>
        of.scope === scope &&
        JSON.stringify(of.held_out) === JSON.stringify(held_out) &&
        of.whole_model?.weights === all,
    )
    .map(({ name, size, plans }) => ({
      name: `frontier ${name}, ${size}`,
      points: plans
        .filter(({ kind, whole_model_bits: whole }) => kind === "solver" && whole !== null)
        .map((plan): PlotPoint => ({
          kind: "solver",
          label: null,
          says: `${plan.name} of the frontier ${name} (${size}): ${sizeText(plan.bits)} bits, KL ${intervalText(plan.kl, smallText)}`,
          bits: plan.whole_model_bits ?? plan.bits,
          kl: plan.kl,
          proven: false,
        }))
        .toSorted((a, b) => a.bits - b.bits),
    }));
}

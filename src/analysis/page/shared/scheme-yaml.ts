import { UNQUANTIZED_BITS } from "../../formats/label.ts";
import type { BudgetData } from "./budget-data.ts";
import type { BudgetCurve, BudgetStep } from "./curve.ts";
import { usedPairs } from "./plan-figures.ts";

/** What a scheme says beside its formats and its size. */
export interface SchemeBasis {
  readonly scope: string;
  /** Calibration subset. */
  readonly size: string;
  readonly engine: string;
  /** Whether the output layer may be quantized. */
  readonly lmHead: boolean;
  /** Positions of convolutions, which schemes neither quantize nor count. */
  readonly convolutions: readonly number[];
}

/** A config for `conf/scheme/<name>.yaml`, or why there is none. */
export type SchemeYaml =
  { readonly name: string; readonly yaml: string } | { readonly because: string };

/** What a scheme is measured against, as the schemes of this package have it. */
const CONTROLS = `controls:
  random_plans: 8
  seed: 42
  proven: 1.2
  resamples: 2000
  held_out: report
  batch_size: { lm: 64, all_layers: 16 }
`;

/** Room for what a sum in another order may come to, in bits a weight. */
const DIGITS = 1e6;

/**
 * The scheme that chooses a plan of a page: its pairs, and the bits that its weights take as stored, on average over
 * the layers that may be quantized (sum of weights x stored bits / sum of weights, rounded up to six decimals).
 *
 * @param isKept whether a layer stays at 16 bits for every budget
 */
export function schemeYaml(
  basis: SchemeBasis,
  data: BudgetData,
  { options, name: shown }: BudgetCurve,
  { choices }: BudgetStep,
  isKept: (layer: number) => boolean,
): SchemeYaml {
  const used = usedPairs(choices, options, data);
  if (used.length === 0) return { because: "Nothing is quantized in this plan." };
  let [weights, bits] = [0, 0];
  for (const [layer, own] of data.weights.entries()) {
    const option = options[choices[layer] ?? 0];
    const stored = option?.stored === undefined ? UNQUANTIZED_BITS : option.stored;
    if (isKept(layer) || basis.convolutions.includes(layer)) continue;
    if (stored === null)
      return { because: `What ${shown} takes in a file is not known, so a scheme has no size.` };
    weights += own;
    bits += own * stored;
  }
  const exports = (used[0]?.exports ?? []).filter((format) =>
    used.every((pair) => pair.exports.includes(format)),
  );
  if (exports.length === 0) {
    const names = used.map(({ name }) => name).join(", ");
    return { because: `No checkpoint can hold ${names}: this plan is for analysis only.` };
  }
  const asked = Math.ceil((bits / weights) * DIGITS - 1e-3) / DIGITS;
  const name = schemeName(
    used.map((pair) => pair.name),
    basis.scope,
    asked,
  );
  return {
    name,
    yaml: `name: ${name}
scope: ${basis.scope}
size: ${basis.size}
engine: ${basis.engine}
candidates: [${used.map((pair) => pair.name).join(", ")}]
lm_head: ${basis.lmHead}
choice: { bits: ${asked} }
exports: [${exports.join(", ")}]
${CONTROLS}`,
  };
}

/** What to do with it, or why there is none. */
export const schemeWords = (scheme: SchemeYaml): string =>
  "yaml" in scheme
    ? `Save it as conf/scheme/${scheme.name}.yaml, and list it among the schemes of a model. It counts bits as stored, over the layers that may be quantized: count them so above to see the plan that it chooses.`
    : scheme.because;

/** Such as `wint4_afp16_wfp8_afp8_at_6p031bits`: names have no points. */
function schemeName(pairs: readonly string[], scope: string, bits: number): string {
  const what = pairs.length > 3 ? `${pairs.length}_pairs` : pairs.join("_");
  const where = scope === "lm" ? "" : `_${scope}`;
  return `${what}${where}_at_${String(Number(bits.toFixed(3))).replace(".", "p")}bits`;
}

import { UNQUANTIZED } from "../formats/label.ts";
import type { PairQuantizers, Quantizer } from "../formats/quantizer.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { BitPlan, BitProblem } from "../solve/problem.ts";

/** ModelOpt's list-style config: later entries win. */
export interface QuantConfig {
  readonly quant_cfg: readonly QuantConfigEntry[];
  readonly algorithm: "max" | null;
}

export interface QuantConfigEntry {
  readonly quantizer_name: string;
  readonly cfg?: Quantizer;
  readonly enable: boolean;
}

/** What a plan's format is to ModelOpt. */
export interface PlanFormat {
  readonly quantizers: PairQuantizers;
  readonly algorithm: "max" | null;
}

/**
 * A bit plan as `mtq.quantize` takes it: everything off, then the weight and the input quantizer of every
 * module of a quantized group, by its full name. So no pattern can mean a layer that was not meant
 * (`layers.1` and `layers.11`), and the members of a group (q, k, v) always have the same.
 *
 * In JSON the axes of `block_sizes` are text, which ModelOpt does not take: they have to become integers
 * again when it is read. The recipe has them as integers.
 *
 * @param formats by the names that the plan's candidates have
 */
export function quantConfig(
  { groups }: BitProblem,
  { choices }: BitPlan,
  formats: ReadonlyMap<string, PlanFormat>,
): Analysed<QuantConfig> {
  const entries: QuantConfigEntry[] = [{ quantizer_name: "*", enable: false }];
  let algorithm: "max" | null = null;
  for (const [g, { name, candidate }] of choices.entries()) {
    if (candidate.format === UNQUANTIZED) continue;
    const format = formats.get(candidate.format);
    if (format === undefined) {
      const what = `What ${candidate.format} does with a layer is not known`;
      return failed("unreadable_format", name, `${what}. Hand over its quantizers.`);
    }
    // Formats without calibration have no ranges that the other's calibration could spoil.
    algorithm ??= format.algorithm;
    const { weight, input } = format.quantizers;
    for (const module of groups[g]?.modules ?? [name]) {
      entries.push({ quantizer_name: `${module}.weight_quantizer`, cfg: weight, enable: true });
      if (input === null) continue;
      entries.push({ quantizer_name: `${module}.input_quantizer`, cfg: input, enable: true });
    }
  }
  return ok({ quant_cfg: entries, algorithm });
}

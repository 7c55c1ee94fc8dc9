import { UNQUANTIZED } from "../formats/label.ts";
import type { PairQuantizers, Quantizer } from "../formats/quantizer.ts";
import { chargedBits } from "../formats/storage.ts";
import type { BitProblem } from "../solve/problem.ts";

/** A format by the name that the problem's candidates have. */
export interface NamedFormat {
  readonly name: string;
  readonly quantizers: PairQuantizers;
}

/**
 * The problem as ModelOpt's search sees it: candidates by rising charged bits, unquantized last, costs by
 * charged bits, and every score lowered to that of the candidate before it if that is lower. Its solver then
 * looks for the least sum, as `solveBitPlan` does; of equally good plans it may name another one.
 *
 * Source: `initialize_candidate_stats` and `QuantRecipe.__lt__` of ModelOpt 0.47.0.
 */
export function asModelOptSees(problem: BitProblem, formats: readonly NamedFormat[]): BitProblem {
  const order = modelOptOrder(formats);
  const position = new Map(order.map(({ name }, index) => [name, index]));
  const charged = new Map(formats.map(({ name, quantizers }) => [name, chargedBits(quantizers)]));
  return {
    groups: problem.groups.map((group) => {
      let least = Infinity;
      const at = (format: string): number =>
        format === UNQUANTIZED ? order.length : (position.get(format) ?? order.length);
      const candidates = group.candidates
        .toSorted((a, b) => at(a.format) - at(b.format))
        .map((candidate) => {
          least = Math.min(least, candidate.score);
          const bits = charged.get(candidate.format) ?? candidate.bits;
          return { ...candidate, bits, cost: (group.weights * bits) / 16, score: least };
        });
      return { ...group, candidates };
    }),
  };
}

/** Formats in the order of ModelOpt's recipes: by charged bits, then by the text of their configs. */
export function modelOptOrder(formats: readonly NamedFormat[]): readonly NamedFormat[] {
  const keyed = formats.map((format) => ({
    format,
    bits: chargedBits(format.quantizers),
    text: configText(format.quantizers),
  }));
  return keyed
    .sort((a, b) => a.bits - b.bits || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ format }) => format);
}

/** As far as two configs can differ in it, the JSON that ModelOpt compares. */
function configText({ weight, input }: PairQuantizers): string {
  const rest = `{"quantizer_name":"*output_quantizer"`;
  const second =
    input === null ? rest : `{"quantizer_name":"*input_quantizer"${quantizerText(input)}`;
  return `${quantizerText(weight)},${second}`;
}

function quantizerText({ num_bits, effective_bits, axis, type, block_sizes }: Quantizer): string {
  const fields = [
    num_bits,
    effective_bits ?? null,
    axis ?? null,
    type ?? "static",
    block_sizes ?? null,
  ];
  return JSON.stringify(fields);
}

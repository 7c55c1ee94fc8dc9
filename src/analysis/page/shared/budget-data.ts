import { weightCost } from "../../formats/cost.ts";
import { UNQUANTIZED, UNQUANTIZED_BITS } from "../../formats/label.ts";
import type { Service } from "../../formats/what-serves.ts";
import type { BitProblem, Candidate } from "../../solve/problem.ts";

/** What the budgets of a page are solved from: the same for the op and the browser, so that both find the same. */
export interface BudgetData {
  /** Number of weight elements of each layer group. */
  readonly weights: readonly number[];
  /** In the order in which ties are decided. */
  readonly columns: readonly BudgetColumn[];
  /** By column and layer, as measured; null: the layer is no candidate there and stays at 16 bits. */
  readonly scores: readonly (readonly (number | null)[])[];
  readonly pairs: readonly BudgetPair[];
  /** Whether scores of several pairs may be added up, so that one plan may have several of them. */
  readonly mixed: boolean;
}

export interface BudgetColumn {
  readonly name: string;
  /** Position of its pair. */
  readonly pair: number;
  /** Bits per weight that ModelOpt's search charges. */
  readonly bits: number;
  /** Bits per weight in a file, with the scale of its block; null where the quantizers are not known. */
  readonly stored: number | null;
}

export interface BudgetPair {
  readonly name: string;
  /** The budget of its own manifest, in bits over all layers. */
  readonly own: number;
  /** Null where the quantizers are not known. */
  readonly service: ServedBy | null;
  /** Formats of checkpoints that can hold it. */
  readonly exports: readonly string[];
}

export interface ServedBy {
  readonly by: Service["by"];
  /** Compute capability, where vLLM serves it. */
  readonly least?: number;
}

/** `charged`: as ModelOpt's search counts. `stored`: what a weight takes in a file, with the scale of its block. */
export type Counted = "charged" | "stored";

/** What one of a layer's options is charged in a problem that counts so. */
export const countedBits = (
  { bits, stored }: Pick<BudgetColumn, "bits" | "stored">,
  counted: Counted,
): number => (counted === "stored" ? (stored ?? bits) : bits);

/**
 * The search for a plan in which every layer has a format of one of the chosen pairs, or none. A candidate's
 * format is the position of its column.
 */
export function problemOf(
  { weights, columns, scores }: BudgetData,
  chosen: ReadonlySet<number>,
  counted: Counted,
): BitProblem {
  return {
    groups: weights.map((own, layer) => {
      const candidates: Candidate[] = [];
      columns.forEach((column, index) => {
        const score = scores[index]?.[layer] ?? null;
        if (score === null || !chosen.has(column.pair)) return;
        const bits = countedBits(column, counted);
        candidates.push({ format: String(index), bits, cost: weightCost(own, bits), score });
      });
      const none = { format: UNQUANTIZED, bits: UNQUANTIZED_BITS, score: 0 };
      candidates.push({ ...none, cost: weightCost(own, UNQUANTIZED_BITS) });
      return { name: String(layer), weights: own, candidates };
    }),
  };
}

/** Layers that no pair was scored for: they stay at 16 bits in every plan of the page. */
export const keptLayers = ({ weights, scores }: BudgetData): readonly boolean[] =>
  weights.map((_, layer) => scores.every((column) => (column[layer] ?? null) === null));

/**
 * Positions of the pairs that plans choose from unless somebody asks for more: those that something serves, or of
 * which that is not known. Where nothing serves any pair of the page, all of them.
 */
export function offeredPairs({ pairs }: Pick<BudgetData, "pairs">): ReadonlySet<number> {
  const served = [...pairs.keys()].filter((pair) => {
    const service = pairs[pair]?.service ?? null;
    return service === null || service.by === "vllm";
  });
  return new Set(served.length === 0 ? pairs.keys() : served);
}

/** Which pairs a plan chooses from, in a word or two. */
export function choiceName({ pairs }: BudgetData, chosen: ReadonlySet<number>): string {
  if (chosen.size === 0) return "16 bits alone";
  const [first] = pairs.filter((_, pair) => chosen.has(pair));
  if (chosen.size === 1) return first?.name ?? "";
  return chosen.size === pairs.length ? "all pairs" : `${chosen.size} of ${pairs.length} pairs`;
}

/** The same as a sentence. */
export function choiceWords({ pairs, mixed }: BudgetData, chosen: ReadonlySet<number>): string {
  if (chosen.size === 0) return "No pair is chosen: every layer stays at 16 bits.";
  const names = pairs.filter((_, pair) => chosen.has(pair)).map(({ name }) => name);
  const which =
    chosen.size === pairs.length
      ? `any of the ${pairs.length} pairs of this page`
      : names.join(", ");
  const alone = mixed
    ? ""
    : " Scores of these pairs are not known to be sums over the same samples, so a plan has one of them alone.";
  return `Each layer may have ${which}, or 16 bits.${alone}`;
}

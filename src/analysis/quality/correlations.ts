import { rankCorrelation } from "../compare/rank-correlation.ts";
import type {
  Correlation,
  Correlations,
  MeasuredAlone,
  MeasuredPlan,
} from "./measured-frontier.ts";

/** Fewer pairs say nothing: of seven in random order, one in 40 has a Spearman correlation of 0.75 or more. */
export const LEAST_PAIRS = 8;

interface Pair {
  readonly predicted: number;
  readonly kl: number;
}

/** How far predicted scores put groups and plans into the order of their measured KL. */
export function correlationsOf(
  plans: readonly MeasuredPlan[],
  alone: readonly MeasuredAlone[],
): Correlations {
  const pairs = alone.map((one) => ({ ...one, kl: one.kl.value, place: placeText(one) }));
  const candidates = distinct(pairs.map(({ candidate }) => candidate));
  const places = distinct(pairs.map(({ place }) => place));
  const ofPlans = plans.map(({ kind, predicted, kl }) => ({ kind, predicted, kl: kl.value }));
  return {
    alone: {
      all: correlationOf("all", null, pairs),
      candidates: candidates.map((candidate) =>
        correlationOf(
          "all",
          candidate,
          pairs.filter((pair) => pair.candidate === candidate),
        ),
      ),
      kinds: places.flatMap((place) => {
        const here = pairs.filter((pair) => pair.place === place);
        return [null, ...candidates].map((candidate) =>
          correlationOf(
            place,
            candidate,
            here.filter((pair) => candidate === null || pair.candidate === candidate),
          ),
        );
      }),
    },
    plans: {
      all: correlationOf("all", null, ofPlans),
      kinds: distinct(ofPlans.map(({ kind }) => kind)).map((kind) =>
        correlationOf(
          kind,
          null,
          ofPlans.filter((plan) => plan.kind === kind),
        ),
      ),
    },
  };
}

function correlationOf(
  what: string,
  candidate: string | null,
  pairs: readonly Pair[],
): Correlation {
  const count = pairs.length;
  if (count < LEAST_PAIRS) {
    return { what, candidate, count, spearman: null, kendall: null, too_few: true };
  }
  const { spearman, kendall } = rankCorrelation(
    pairs.map(({ predicted }) => predicted),
    pairs.map(({ kl }) => kl),
  );
  return { what, candidate, count, spearman, kendall, too_few: false };
}

const placeText = ({ tower, kind }: MeasuredAlone): string => `${tower} ${kind}`;

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

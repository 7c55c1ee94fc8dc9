import { action, committed, file, ifThere, typescriptOp, type Declared, type Input } from "aqm";
import { SCOPES, SIZES } from "./configs.ts";
import { DEFAULT_GRANULARITY } from "./engines/engine.ts";
import type { Run } from "./runs.ts";

const op = typescriptOp<typeof import("./ops/comparison-set.ts")>(
  "aqm/rules/ops/comparison-set.ts",
);

/** At this budget half of an 8-bit pair's weights can stay: there plans differ most. */
const BUDGETS = [12];
const MOST = 10;

interface Compared {
  readonly run: Run;
  readonly label: string;
}

/** Params come to an op sorted by name, so names sort as numbers do. */
export const roleOf = (index: number): string => `m${String(index).padStart(3, "0")}`;

/**
 * What the runs of a model say of each other: sizes of one pair, scopes of one pair, engines of one pair, and
 * all pairs. The matrix of pairs is made from those that are there, the others from what they compare.
 */
export function comparisons(folder: string, all: readonly Run[]): Declared {
  const usual = all.filter(({ granularity }) => granularity === DEFAULT_GRANULARITY);
  const runs = usual.filter(({ engine }) => engine === "modelopt");
  const compared = (
    place: string,
    question: string,
    members: readonly Compared[],
    standard?: string,
    take: (manifest: Input) => Input = (manifest) => manifest,
  ): Declared =>
    members.length < 2
      ? []
      : action({
          op,
          params: {
            question,
            ...(standard === undefined ? {} : { standard }),
            budgets: BUDGETS,
            most: MOST,
            members: Object.fromEntries(members.map(({ label }, index) => [roleOf(index), label])),
          },
          inputs: Object.fromEntries(
            members.map(({ run }, index) => [roleOf(index), take(file(run.manifest))]),
          ),
          outputs: {
            report: committed(`${folder}/comparisons/${place}.md`),
            data: committed(`${folder}/comparisons/${place}.json`),
          },
        });
  const pairs = [...new Set(runs.map(({ pair }) => pair))];
  const of = (wanted: Partial<Run>, among = runs): readonly Run[] =>
    among.filter((run) =>
      Object.entries(wanted).every(([name, value]) => run[name as keyof Run] === value),
    );
  return [
    pairs.flatMap((pair) =>
      SCOPES.map((scope) =>
        compared(
          `sizes/${pair}-${scope}`,
          `${pair}, ${scope}: are fewer calibration samples enough?`,
          of({ pair, scope }).map((run) => ({ run, label: run.size })),
          SIZES.at(-1),
        ),
      ),
    ),
    pairs.flatMap((pair) =>
      SIZES.map((size) =>
        compared(
          `scopes/${pair}-${size}`,
          `${pair}, ${size}: scopes`,
          of({ pair, size }).map((run) => ({ run, label: run.scope })),
        ),
      ),
    ),
    SCOPES.flatMap((scope) =>
      SIZES.map((size) =>
        compared(
          `pairs/${scope}-${size}`,
          `${scope}, ${size}: pairs`,
          of({ scope, size }).map((run) => ({ run, label: run.pair })),
          undefined,
          ifThere,
        ),
      ),
    ),
    pairs.flatMap((pair) =>
      SCOPES.flatMap((scope) =>
        SIZES.map((size) =>
          compared(
            `engines/${pair}-${scope}-${size}`,
            `${pair}, ${scope}, ${size}: do engines agree?`,
            of({ pair, scope, size }, usual).map((run) => ({ run, label: run.engine })),
          ),
        ),
      ),
    ),
  ];
}

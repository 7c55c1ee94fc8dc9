import type { ReportedExport } from "../../src/analysis/scheme-report/scheme-report.ts";
import { notChecked } from "../../src/analysis/scheme-report/scheme-report.ts";
import type { CheckpointTensors } from "../../src/analysis/schemes/checkpoint-tensors.ts";
import { evaluate } from "../../src/analysis/evaluation/evaluate.ts";
import type { Figure } from "../../src/analysis/quality/figures.ts";
import type { Goal } from "../../src/analysis/schemes/scheme.ts";
import type {
  MeasuredScheme,
  SchemesOverview,
  ShownScheme,
} from "../../src/analysis/schemes-overview/overview.ts";
import type { MeasuredSearch } from "../../src/analysis/search/search-result.ts";
import { madeSource } from "./evaluation-material.ts";
import { expectValue } from "./figures.ts";
import {
  FP8,
  fp8Problem,
  madeCheck,
  madeScheme,
  madeStatus,
  qualityOf,
  type MadeScheme,
} from "./scheme-material.ts";

const TARGET = "models/m/quantized";

/** The checkpoint of the made-up schemes: square weights of the sizes that the problem says. */
export const madeTensors: CheckpointTensors = {
  bytes: 123_456,
  elements: 61_728,
  tensors: new Map(
    fp8Problem.groups.flatMap(({ modules = [], name, weights }) => {
      const members = modules.length === 0 ? [name] : modules;
      return members.map(
        (module) =>
          [`${module}.weight`, { dtype: "BF16", shape: [1, weights / members.length] }] as const,
      );
    }),
  ),
};

const exported = ({ scheme }: MadeScheme): readonly ReportedExport[] => [
  {
    format: "modelopt",
    target: `${TARGET}/${scheme.name}/modelopt`,
    check: madeCheck(scheme, "modelopt_export"),
    serving: [
      { device: "cpu", answer: madeStatus() },
      notChecked("sm90", `models/m/serving/${scheme.name}/modelopt-sm90.json`, true),
    ],
  },
];

export function shownOf(made: MadeScheme, exports = exported(made)): ShownScheme {
  const { scheme } = made;
  return {
    name: scheme.name,
    target: `${TARGET}/${scheme.name}`,
    asked: {
      choice: scheme.choice,
      scope: scheme.scope,
      size: scheme.size,
      lm_head: true,
      candidates: [FP8],
    },
    because: null,
    scheme,
    quality: qualityOf(made),
    exports,
    search: null,
    evaluation: null,
  };
}

/** Declared, and nothing of it built. */
export const unbuilt = (name: string, because: string | null = null): ShownScheme => ({
  name,
  target: `${TARGET}/${name}`,
  asked: { choice: { bits: 6 }, scope: "lm", size: "large", lm_head: false, candidates: [FP8] },
  because,
  scheme: null,
  quality: null,
  exports: [],
  search: null,
  evaluation: null,
});

export const shares = ["top25", "top50", "full"].map((name, n) =>
  madeScheme(name, [3, 6, fp8Problem.groups.length][n] ?? 0),
);

/** Three measured schemes, one that is chosen only, one that is not built, and one that cannot be had. */
export const madeOverview: SchemesOverview = {
  model: "qwen3_vl_trained",
  tensors: madeTensors,
  schemes: [
    ...shares.map((made) => shownOf(made)),
    { ...shownOf(madeScheme("top75", 8), []), quality: null },
    unbuilt("later"),
    unbuilt("nvfp4_coco2017", "a CPU has no NVFP4"),
  ],
  frontiers: [],
};

const figure = (value: number): Figure => ({ value, low: 0.9 * value, high: 1.1 * value });

/** What `measured_search` made up for a scheme: it began at the solver's plan and found a better one. */
export const madeSearch = (met: boolean | null, goal: Goal | null): MeasuredSearch => ({
  scope: "lm",
  candidates: [FP8],
  unit: "bytes",
  limit: goal === null ? 90_000 : null,
  goal,
  settings: { measurements: 300, seed: 42 },
  measured: 280,
  exhausted: false,
  moves: { tried: 120, better_on_search: 30, kept: 6 },
  groups: [],
  starts: [],
  began: "scores",
  found: { cost: 80_000, formats: [], search: 0.008, confirm: figure(0.0085), met },
});

/** A scheme that asks for KL <= 0.01 and has it, measured beside the plans of exact solvers. */
export function goalMet(): MeasuredScheme {
  const made = madeScheme("for_kl_1em2", 7);
  const shown = shownOf(made);
  const quality = qualityOf(made);
  const goal = { figure: "kl", bound: 0.01, confidence: 0.95 } as const;
  const { settings, moves, measured, exhausted, found } = madeSearch(true, goal);
  const [control] = quality.controls;
  if (control === undefined) throw new Error("it has controls");
  return {
    ...shown,
    asked: { ...shown.asked, choice: { goal: { kl: 0.01 } } },
    scheme: {
      ...made.scheme,
      choice: { goal: { kl: 0.01 } },
      search: {
        figure: "kl",
        goal,
        met: true,
        settings: { ...settings, starts: ["scores", "alone"] },
        measured,
        exhausted,
        moves,
        began: { name: "scores", cost: 81_000, search: 0.009, confirm: figure(0.0095) },
        found: { name: "found", cost: 80_000, search: found.search, confirm: found.confirm },
      },
    },
    quality: {
      ...quality,
      search: {
        starts: [{ plan: "start_scores", factor: { value: 1.25, low: 1.125, high: 1.5 } }],
        goal: { ...goal, here: quality.figures.kl },
      },
      controls: [...quality.controls, { ...control, name: "start_scores", kind: "start" }],
    },
    search: madeSearch(true, goal),
  };
}

/** A scheme whose goal no measured plan keeps: it has no plan. */
export const goalUnmet = (): ShownScheme => ({
  ...unbuilt("for_kl_1em9"),
  asked: { ...unbuilt("").asked, choice: { goal: { kl: 1e-9 } } },
  search: madeSearch(false, { figure: "kl", bound: 1e-9, confidence: 0.95 }),
});

/** A measured scheme with an evaluation, of which one answer of two is the unquantized model's. */
export const evaluated = (): ShownScheme => {
  const [, made] = shares;
  if (made === undefined) throw new Error("it is made");
  return { ...shownOf(made), evaluation: expectValue(evaluate(madeSource())) };
};

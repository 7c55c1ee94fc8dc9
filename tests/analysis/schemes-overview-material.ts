import type { ReportedExport } from "../../src/analysis/scheme-report/scheme-report.ts";
import { notChecked } from "../../src/analysis/scheme-report/scheme-report.ts";
import type { CheckpointTensors } from "../../src/analysis/schemes/checkpoint-tensors.ts";
import { evaluate } from "../../src/analysis/evaluation/evaluate.ts";
import type { SchemesOverview, ShownScheme } from "../../src/analysis/schemes-overview/overview.ts";
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
/** A measured scheme with an evaluation, of which one answer of two is the unquantized model's. */
export const evaluated = (): ShownScheme => {
  const [, made] = shares;
  if (made === undefined) throw new Error("it is made");
  return { ...shownOf(made), evaluation: expectValue(evaluate(madeSource())) };
};

import { ok, type Analysed } from "../result/result.ts";
import type { ExportCheck } from "../schemes/export-check.ts";
import type { ExportFormat, Scheme } from "../schemes/scheme.ts";
import type { SchemeQuality } from "../schemes/scheme-quality.ts";
import type { ServingStatus } from "../schemes/serving-status.ts";
import { checkSameWeights } from "./same-weights.ts";

/** A set of schemes of one model, with all that is known of each. */
export interface SchemeReport {
  /** Name of the config in `conf/scheme_report`. */
  readonly set: string;
  readonly title: string;
  readonly model: string;
  /** In the order of the config. */
  readonly schemes: readonly ReportedScheme[];
  /** Schemes of the set that the model cannot have, and why. */
  readonly skipped: readonly { readonly name: string; readonly because: string }[];
}

export interface ReportedScheme {
  readonly scheme: Scheme;
  readonly quality: SchemeQuality;
  /** Settings that neither of the two documents says. */
  readonly settings: { readonly lm_head: boolean };
  /** The formats in which the scheme is exported, in the order of its config. */
  readonly exports: readonly ReportedExport[];
}

export interface ReportedExport {
  readonly format: ExportFormat;
  /** What makes the folder and its check. */
  readonly target: string;
  /** Null where it is not exported here. */
  readonly check: ExportCheck | null;
  /** vLLM's answer, on each device that the report asks for. */
  readonly serving: readonly ReportedStatus[];
}

export interface ReportedStatus {
  /** As status files are called: cpu, sm90. */
  readonly device: string;
  readonly answer: Answer;
}

export type Answer = ServingStatus | NotChecked;

/** Whether there is a status; it may say itself that nothing was checked. */
export const isStatus = (answer: Answer): answer is ServingStatus => "vllm" in answer;

/** No status is there. */
export interface NotChecked {
  readonly word: "not checked";
  readonly because: string;
  /** What to build for one; null where nothing makes it. */
  readonly target: string | null;
}

/** The report, unless its files contradict its plans (`same_weights`). */
export function schemeReport(report: SchemeReport): Analysed<SchemeReport> {
  const wrong = checkSameWeights(report.schemes);
  return wrong === undefined ? ok(report) : { ok: false, error: wrong };
}

/** What is said where a status is not there: why, and what to build. */
export const notChecked = (
  device: string,
  target: string | null,
  exported: boolean,
): ReportedStatus => ({
  device,
  answer: {
    word: "not checked",
    because:
      target === null
        ? "no check is declared for this device and model"
        : exported
          ? "vLLM was not asked yet"
          : "it is not exported yet",
    target,
  },
});

/** Layers of a scheme, by their modules. */
export interface LayerCounts {
  readonly quantized: number;
  readonly kept: number;
  /** By format, without the unquantized one. */
  readonly formats: Readonly<Record<string, number>>;
}

/** How many layers the plan quantizes and keeps. */
export function plannedLayers({ layers }: Pick<Scheme, "layers">): LayerCounts {
  const formats: Record<string, number> = {};
  let kept = 0;
  for (const { modules, format } of layers) {
    if (format === "NONE") kept += modules.length;
    else formats[format] = (formats[format] ?? 0) + modules.length;
  }
  const quantized = Object.values(formats).reduce((sum, count) => sum + count, 0);
  return { quantized, kept, formats };
}

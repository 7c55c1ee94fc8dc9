import { err, ok, type Result } from "../../model/result.ts";

export { ok };

/**
 * Results of the analysis functions: a value, or a failure that is itself data.
 *
 * The reasons are a closed set so that a caller can switch over all of them.
 * `message` is complete on its own: what is wrong, where, and what to do next.
 */
export type AnalysisFailureReason =
  /** The text is not JSON (in Python's dialect, which allows NaN and Infinity). */
  | "not_json"
  /** A field is missing, unknown, or of the wrong type or range. */
  | "wrong_structure"
  /** A number that has to be finite is NaN or infinite. */
  | "non_finite_number"
  /** The document's own schema number is one that this version does not read. */
  | "unsupported_schema"
  /** The same layer group is listed twice. */
  | "duplicate_group"
  /** A group that the scope keeps in high precision carries a score. */
  | "disabled_group_scored"
  /** Two score documents of one search disagree on their layer groups. */
  | "groups_differ"
  /** A layer group that the measurement of groups quantized alone has not. */
  | "not_measured_alone"
  /** Scores that were not summed over the same samples, or in the same way. */
  | "basis_differs"
  /** A constraint that no plan can meet, alone or with the others. */
  | "constraint_unmet"
  /** A budget below the smallest plan there is. */
  | "budget_unmet"
  /** A goal of quality that no measured plan keeps. */
  | "goal_unmet"
  /** Layers that should have been measured were never reached by the data. */
  | "not_exercised"
  /** A format label without readable effective bits. */
  | "unreadable_format"
  /** A format that no checkpoint can hold for a layer, since its blocks do not divide the layer's weight. */
  | "not_exportable"
  /** A granularity overlay that makes no sense for any format. */
  | "overlay_invalid"
  /** A granularity that this format cannot have, or has by default. */
  | "overlay_unfit"
  /** A group without any candidate format to choose from. */
  | "no_candidates"
  /** A bit budget that is not a positive finite number. */
  | "invalid_budget"
  /** Figures of one document that must follow from each other do not. */
  | "figures_disagree"
  /** Figures on samples of the calibration data where data that it has not seen is asked for, or the other way round. */
  | "leaked_data"
  /** Too few held-out samples for an interval. */
  | "too_few_samples"
  /** A plan's KL is zero, so that no other KL is a multiple of that. */
  | "no_divergence"
  /** Exported weights that are the same though plans are not, or the other way round. */
  | "same_weights"
  /** A plan without other plans of its size to be compared with. */
  | "no_controls"
  /** The exact search would need more memory than it allows itself. */
  | "search_too_large";

export interface AnalysisFailure {
  readonly reason: AnalysisFailureReason;
  /** Layer, field or text position that the failure is about; empty when it is the whole input. */
  readonly where: string;
  readonly message: string;
}

/** What an analysis gives: a value, or the failure that there is instead. */
export type Analysed<T> = Result<T, AnalysisFailure>;

/** The failure of an analysis, as a result. */
export const failed = (
  reason: AnalysisFailureReason,
  where: string,
  message: string,
): { readonly ok: false; readonly error: AnalysisFailure } => err({ reason, where, message });

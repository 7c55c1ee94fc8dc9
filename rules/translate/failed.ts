import type { OpFailure } from "aqm";
import type { AnalysisFailure } from "aqm/analysis";

const GATES: ReadonlySet<AnalysisFailure["reason"]> = new Set([
  "not_exercised",
  "non_finite_number",
  "same_weights",
]);

/** An analysis failure as the engine knows it: what tripped a gate, and which file to look at. */
export function failed({ reason, where, message }: AnalysisFailure, file: string): OpFailure {
  const gate = GATES.has(reason);
  return {
    reason: gate ? "gate_failed" : "bad_request",
    message: where === "" ? message : `${where}: ${message}`,
    nextStep: `Look at ${file}; it is the input that was refused (${reason}).`,
  };
}

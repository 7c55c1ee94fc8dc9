import type { OpFailure, OpInput, Result } from "aqm";
import type { AnalysisFailure } from "aqm/analysis";
import { readAlone, type AloneKl } from "aqm/analysis/search/alone.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "./failed.ts";
import { given } from "./given.ts";

/** What was measured of layer groups quantized alone: the input `alone`. */
export function aloneIn(inputs: Readonly<Record<string, OpInput>>): Result<AloneKl, OpFailure> {
  const input = given(inputs, "alone");
  if (!input.ok) return input;
  const alone = readAlone(input.value.text());
  return alone.ok ? ok(alone.value) : err(failed(alone.error, input.value.path));
}

/** Why no problem of a search can be made: of the scheme's config, or of the input `alone`. */
export function problemFailed(
  failure: AnalysisFailure,
  inputs: Readonly<Record<string, OpInput>>,
  config: string,
): OpFailure {
  const measured = inputs["alone"];
  const isOfAlone = failure.reason === "not_measured_alone" && measured !== undefined;
  return failed(failure, isOfAlone ? measured.path : config);
}

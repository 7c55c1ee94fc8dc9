import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { formatsPage, type FormatsPair } from "aqm/analysis/pages";
import { ok } from "aqm/model/result.ts";

export const version = 1;

/** What vLLM was found to take (src/analysis/formats/served.ts) → one HTML page. */
export function run({
  params,
}: OpCall<{ readonly pairs: readonly FormatsPair[] }, never>): Result<
  OpOutputs<"page">,
  OpFailure
> {
  return ok({ page: formatsPage(params.pairs) });
}

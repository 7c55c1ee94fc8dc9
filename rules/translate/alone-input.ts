import type { OpFailure, OpInput, Result } from "aqm";
import { readAlone, type AloneKl } from "aqm/analysis/search/alone.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "./failed.ts";
import { given } from "./given.ts";

/** What was measured of layer groups quantized alone: the input `alone`. */
export function aloneIn(inputs: Readonly<Record<string, OpInput>>): Result<AloneKl, OpFailure> {
  const input = given(inputs, "alone");
  if (!input.ok) return input;
  const alone = readAlone(input.value.text());
  return alone.ok ? ok(alone.value) : err(failed(alone.failure, input.value.path));
}

import type { OpFailure, OpInput, Result } from "aqm";
import { err, ok } from "aqm/model/result.ts";

/** The input of that role, which the rule has to give. */
export function given(
  inputs: Readonly<Record<string, OpInput>>,
  role: string,
): Result<OpInput, OpFailure> {
  const input = inputs[role];
  return input === undefined
    ? err({ reason: "bad_request", message: `The input ${role} was not given.` })
    : ok(input);
}

import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { QualityDocument, SchemeControls, SchemeSource } from "aqm/analysis";
import { readQuality } from "aqm/analysis/quality/quality-document.ts";
import { judgeScheme } from "aqm/analysis/schemes/judge-scheme.ts";
import { readPlannedSizes } from "aqm/analysis/schemes/planned-sizes.ts";
import { readScheme } from "aqm/analysis/schemes/scheme-document.ts";
import { schemeQualityJson } from "aqm/analysis/schemes/scheme-quality-json.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { given } from "../translate/given.ts";

export const version = 1;

export interface SchemeQualityParams extends Pick<
  SchemeSource,
  "weights" | "calibration" | "part" | "definition"
> {
  /** Names of the controls: the input of each is `measured_<name>`; `controls` has their sizes. */
  readonly controls: readonly string[];
  /** Why there are none; null where there are some. */
  readonly unjudged: string | null;
}

type Inputs = OpCall<SchemeQualityParams, string>["inputs"];

/** A scheme, its measurement and those of its controls → its figures and its word. */
export function run({
  params: { controls, unjudged, ...named },
  inputs,
}: OpCall<SchemeQualityParams, string>): Result<OpOutputs<"quality">, OpFailure> {
  const document = given(inputs, "scheme");
  if (!document.ok) return document;
  const scheme = readScheme(document.value.text());
  if (!scheme.ok) return err(failed(scheme.error, document.value.path));
  const measured = measuredIn(inputs, "measured_scheme");
  if (!measured.ok) return measured;
  const against = unjudged === null ? controlsIn(inputs, controls) : ok({ unjudged });
  if (!against.ok) return against;
  const judged = judgeScheme({
    ...named,
    scheme: scheme.value,
    measured: measured.value,
    against: against.value,
  });
  if (!judged.ok) return err(failed(judged.error, document.value.path));
  return ok({ quality: schemeQualityJson(judged.value) });
}

function controlsIn(inputs: Inputs, names: readonly string[]): Result<SchemeControls, OpFailure> {
  const document = given(inputs, "controls");
  if (!document.ok) return document;
  const sizes = readPlannedSizes(document.value.text());
  if (!sizes.ok) return err(failed(sizes.error, document.value.path));
  const measured = new Map<string, QualityDocument>();
  for (const name of names) {
    const one = measuredIn(inputs, `measured_${name}`);
    if (!one.ok) return one;
    measured.set(name, one.value);
  }
  return ok({ sizes: sizes.value, measured });
}

function measuredIn(inputs: Inputs, role: string): Result<QualityDocument, OpFailure> {
  const input = given(inputs, role);
  if (!input.ok) return input;
  const document = readQuality(input.value.text());
  return document.ok ? document : err(failed(document.error, input.value.path));
}

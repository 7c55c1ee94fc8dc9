import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { UNQUANTIZED } from "aqm/analysis/formats/label.ts";
import { readScheme } from "aqm/analysis/schemes/scheme-document.ts";
import { yamlText } from "aqm/analysis/text/yaml.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";

export const version = 1;

/** A scheme → its INT8 ops by name: a small YAML file for people and Git, and JSON for the op that quantizes. */
export function run({
  inputs: { scheme: input },
}: OpCall<object, "scheme">): Result<OpOutputs<"profile" | "ops">, OpFailure> {
  const read = readScheme(input.text());
  if (!read.ok) return err(failed(read.error, input.path));
  const { name, model, scope, size, engine, choice, achieved, layers } = read.value;
  const ops = layers
    .filter(({ format }) => format !== UNQUANTIZED)
    .flatMap(({ group, modules }) => (modules.length === 0 ? [group] : modules))
    .toSorted();
  const kept = layers
    .filter(({ format }) => format === UNQUANTIZED)
    .flatMap(({ group, modules }) => (modules.length === 0 ? [group] : modules))
    .toSorted();
  return ok({
    profile: yamlText({
      schema: 1,
      name,
      model,
      scope,
      size,
      engine: engine ?? "none",
      choice: { ...choice },
      quantized_groups: `${achieved.quantized_groups} of ${achieved.groups}`,
      int8_ops: ops,
      kept_ops: kept,
    }),
    ops: `${JSON.stringify({ schema: 1, ops }, null, 2)}\n`,
  });
}

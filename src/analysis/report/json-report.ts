import type { Manifest } from "../manifest/manifest.ts";
import { pyFloat, pyObject, type PyObject } from "../python-json/value.ts";
import { writePythonJson } from "../python-json/write.ts";
import { sensitivityRows, type NoneRows, type SensitivityRow } from "./sensitivity-rows.ts";

export interface JsonReportOptions {
  readonly noneRows?: NoneRows;
}

/**
 * The text of `per-layer-sensitivity.json`, byte for byte as published: sections
 * copied from the manifest, then a row per layer, most sensitive first (equals
 * in module order). `dataset` is there when the manifest has one. The published
 * writer that also recorded its run configuration wrote every section, empty
 * ones too. A row shows the first
 * listed candidate, by which rows are also sorted.
 */
export function jsonReport(manifest: Manifest, options: JsonReportOptions = {}): string {
  const { json } = manifest;
  const configured = json.has("run_config");
  const always = configured ? pyObject([]) : undefined;
  const rows = sensitivityRows(manifest, options.noneRows ?? "include")
    .map(firstCandidate)
    .sort((a, b) => b.sensitivity - a.sensitivity);
  return writePythonJson(
    pyObject([
      ["scheme", json.get("scheme")],
      // A manifest without a model still gets the key: the published writer did so.
      ["model", json.get("model") ?? pyObject([])],
      ["dataset", json.get("dataset") ?? always],
      ["quantization", configured ? (json.get("quantization") ?? always) : undefined],
      ["run_config", json.get("run_config")],
      ["autoquant_state", json.get("autoquant_state")],
      ["layer_sensitivity", rows.map(rowObject)],
    ]),
  );
}

interface JsonRow {
  readonly layer: string;
  readonly bits: number;
  readonly sensitivity: number;
  readonly cost: number;
}

function firstCandidate({ layer, candidates }: SensitivityRow): JsonRow {
  const [first] = candidates;
  return {
    layer,
    bits: first?.bits ?? 0,
    sensitivity: first?.score ?? 0,
    cost: first?.cost ?? 0,
  };
}

function rowObject({ layer, bits, sensitivity, cost }: JsonRow): PyObject {
  return pyObject([
    ["layer", layer],
    ["num_bits", pyFloat(bits)],
    ["sensitivity", pyFloat(sensitivity)],
    ["size_cost", pyFloat(cost)],
  ]);
}

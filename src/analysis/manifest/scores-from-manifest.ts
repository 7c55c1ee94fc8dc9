import { UNQUANTIZED } from "../formats/label.ts";
import type { LayerSensitivity, Manifest } from "./manifest.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import {
  isPyList,
  isPyObject,
  numericValue,
  pyFloat,
  pyObject,
  type PyJson,
} from "../python-json/value.ts";
import { writePythonJson } from "../python-json/write.ts";
import { SCORES_SCHEMA } from "../scores/read-scores.ts";
import type { ScoreScope, TakenOver } from "../scores/scores.ts";

/**
 * The score document that a manifest of one format holds, so that other budgets can be solved from it
 * without measuring again. What a manifest does not say (tokens, executions, versions, the quantizers'
 * attributes; in older ones also batches and samples) is null or empty, never made up.
 */
export function scoresFromManifest(
  manifest: Manifest,
  scope: ScoreScope,
  takenOver: TakenOver,
): Analysed<string> {
  const { layers, json, method } = manifest;
  const formats = new Map(
    layers.flatMap(({ candidates }) =>
      candidates
        .filter(({ format }) => format !== UNQUANTIZED)
        .map(({ format, bits }) => [`${format} ${bits}`, bits] as const),
    ),
  );
  const [bits] = formats.values();
  const several = layers.some(({ candidates }) => candidates.length > 2);
  if (formats.size !== 1 || several || bits === undefined) {
    const what = `The manifest ${manifest.schemeName} holds ${formats.size} formats where scores are of exactly one`;
    return failed(
      "wrong_structure",
      "layer_sensitivity",
      `${what}. Take a manifest of one format.`,
    );
  }
  const wrappers = json.get("layers");
  const names = isPyObject(wrappers) ? [...wrappers.keys()] : [];
  const members = membersByName(layers, names);
  return ok(
    writePythonJson(
      pyObject([
        ["schema", SCORES_SCHEMA],
        ["engine", manifest.engine],
        [
          "format",
          pyObject([
            ["name", formatName(json)],
            ["charged_bits", pyFloat(bits)],
            [manifest.engine, pyObject([])],
          ]),
        ],
        ["method", method],
        ["scope", scope],
        ["measured", measuredObject(json)],
        ["environment", pyObject([])],
        ["groups", layers.map((layer) => groupObject(layer, members.get(layer.name) ?? []))],
        ["modules", names.map((name) => moduleObject(name, wrappers))],
        ["taken_over", pyObject(Object.entries(takenOver))],
      ]),
    ),
  );
}

/** The name that the run was asked for; labels of layers only have a place holder for most. */
function formatName(json: Manifest["json"]): string {
  const scheme = json.get("scheme");
  const named = isPyObject(scheme) ? scheme.get("quant_formats") : undefined;
  const [name] = isPyList(named) ? named : [];
  return typeof name === "string" ? name : "";
}

function measuredObject(json: Manifest["json"]): PyJson {
  const dataset = json.get("dataset");
  const said = (key: string): number | null =>
    (isPyObject(dataset) ? numericValue(dataset.get(key)) : undefined) ?? null;
  return pyObject([
    ["calibration_samples", said("num_calib_samples")],
    ["calibration_batches", said("num_calib_batches")],
    ["score_samples", null],
    ["score_batches", null],
    ["score_tokens", null],
    ["batch_size", said("batch_size")],
    ["sequence_length", said("calib_seq_len")],
  ]);
}

function groupObject({ name, candidates }: LayerSensitivity, modules: readonly string[]): PyJson {
  const quantized = candidates.find(({ format }) => format !== UNQUANTIZED);
  const none = candidates.find(({ format }) => format === UNQUANTIZED);
  return pyObject([
    ["name", name],
    ["modules", modules],
    ["weights", none?.cost ?? 0],
    ["enabled", quantized !== undefined],
    ["score", pyFloat(quantized?.score ?? 0)],
    ["executions", null],
  ]);
}

function moduleObject(name: string, wrappers: PyJson | undefined): PyJson {
  const wrapper = isPyObject(wrappers) ? wrappers.get(name) : undefined;
  const type = isPyObject(wrapper) ? wrapper.get("module_type") : undefined;
  return pyObject([
    ["name", name],
    ["type", typeof type === "string" ? type : ""],
  ]);
}

/**
 * A group is named after its first module; its others follow in module order and have the same parent
 * (k and v after q, up after gate).
 */
function membersByName(
  layers: readonly LayerSensitivity[],
  names: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const members = new Map<string, string[]>(layers.map(({ name }) => [name, [name]]));
  let last: string | undefined;
  for (const name of names) {
    if (members.has(name)) last = name;
    else if (last !== undefined && parentOf(last) === parentOf(name)) {
      members.get(last)?.push(name);
    }
  }
  return members;
}

const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf(".")));

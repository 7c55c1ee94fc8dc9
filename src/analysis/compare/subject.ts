import { UNQUANTIZED } from "../formats/label.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { manifestOf } from "../manifest/read-manifest.ts";
import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { isPyObject, numericValue, type PyJson } from "../python-json/value.ts";
import { readScores } from "../scores/read-scores.ts";
import type { Scores } from "../scores/scores.ts";
import { problemFromManifest } from "../manifest/problem-from-manifest.ts";
import { problemFromScores } from "../solve/problem-from-scores.ts";
import type { BitProblem } from "../solve/problem.ts";
import { configurationOf, resultsOf } from "./configuration.ts";
import { layerName } from "./layer-key.ts";

/** One side of a comparison. */
export interface Subject {
  readonly name: string;
  readonly kind: "manifest" | "scores" | "mean_squared_errors";
  /** What it was made with, as text by dotted name. */
  readonly configuration: ReadonlyMap<string, string>;
  /** All settings and results, as text by dotted name, also those that are not read otherwise. */
  readonly results: ReadonlyMap<string, string>;
  /** What its sums run over; null where it does not say. */
  readonly basis: Basis;
  /** What was measured, in the model's module order. */
  readonly layers: readonly SubjectLayer[];
  /** Null where there is nothing to choose from. */
  readonly problem: BitProblem | null;
  /** Bits per weight that were asked for, over the whole model. */
  readonly budget: number | null;
}

export interface SubjectLayer {
  /** Module path of the group's first member. */
  readonly layer: string;
  /** The highest over all quantized candidates. */
  readonly score: number;
}

export interface Basis {
  readonly model: string | null;
  readonly method: string | null;
  readonly data: string | null;
  readonly samples: number | null;
  readonly batches: number | null;
  readonly tokens: number | null;
  readonly batch_size: number | null;
  readonly sequence_length: number | null;
  readonly loss: string | null;
}

const UNKNOWN_BASIS: Basis = {
  model: null,
  method: null,
  data: null,
  samples: null,
  batches: null,
  tokens: null,
  batch_size: null,
  sequence_length: null,
  loss: null,
};

/**
 * Reads a manifest of any generation, a score document, or the op-wise errors of Intel Neural Compressor.
 *
 * @param name what the text is called where it says no name of its own
 */
export function readSubject(text: string, name: string): Analysed<Subject> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const json = parsed.value;
  if (!isPyObject(json)) return failed("wrong_structure", "", `${name} is not a JSON object.`);
  if (json.has("layer_sensitivity") && json.has("autoquant_state")) {
    const manifest = manifestOf(json);
    return manifest.ok ? ok(subjectOfManifest(manifest.value)) : manifest;
  }
  if (json.has("groups") && json.has("measured")) {
    const scores = readScores(text);
    return scores.ok ? subjectOfScores(scores.value, json) : scores;
  }
  if (json.has("fp32_fallback_sensitivity")) return subjectOfErrors(json, name);
  return failed(
    "wrong_structure",
    "",
    `${name} is neither a manifest, nor a score document, nor a list of op sensitivities. Name one of these.`,
  );
}

function subjectOfManifest(manifest: Manifest): Subject {
  const { json, measured, layers } = manifest;
  const said = (section: string, key: string): PyJson | undefined => {
    const object = json.get(section);
    return isPyObject(object) ? object.get(key) : undefined;
  };
  const count = (key: string): number | null => numericValue(said("dataset", key)) ?? null;
  const size = textOf(said("dataset", "size"));
  const raw = said("aqm", "raw_scores");
  return {
    name: manifest.schemeName + (size === null ? "" : ` (${size})`),
    kind: "manifest",
    configuration: configurationOf(json),
    results: resultsOf(json),
    basis: {
      model: manifest.modelId === undefined ? null : lastPart(manifest.modelId),
      method: manifest.method,
      data: dataOf(json),
      samples: measured?.samples ?? count("num_calib_samples"),
      batches: measured?.batches ?? count("num_calib_batches"),
      tokens: measured?.tokens ?? null,
      batch_size: count("batch_size"),
      sequence_length: count("calib_seq_len"),
      loss: isPyObject(raw) ? textOf(raw.get("loss")) : null,
    },
    layers: layers.flatMap(({ name, candidates }) => {
      const quantized = candidates.filter(({ format }) => format !== UNQUANTIZED);
      const score = Math.max(...quantized.map((candidate) => candidate.score));
      return quantized.length === 0 ? [] : [{ layer: layerName(name), score }];
    }),
    problem: problemFromManifest(manifest),
    budget: manifest.budgetBits,
  };
}

function subjectOfScores(scores: Scores, json: PyJson): Analysed<Subject> {
  const { format, method, scope, measured } = scores;
  const problem = problemFromScores([scores]);
  if (!problem.ok) return problem;
  return ok({
    name: `${format.name} (${scope})`,
    kind: "scores",
    configuration: configurationOf(json),
    results: resultsOf(json),
    basis: {
      ...UNKNOWN_BASIS,
      method,
      samples: measured.scoreSamples,
      batches: measured.scoreBatches,
      tokens: measured.scoreTokens,
      batch_size: measured.batchSize,
      sequence_length: measured.sequenceLength,
    },
    layers: scores.groups.flatMap(({ name, enabled, score }) =>
      enabled ? [{ layer: layerName(name), score }] : [],
    ),
    problem: problem.value,
    budget: null,
  });
}

/** Errors of single ops: another engine's idea of sensitivity, so only the order can be compared. */
function subjectOfErrors(json: PyJson, name: string): Analysed<Subject> {
  const found: AnalysisFailure[] = [];
  const root = new FieldReader(json, "", found);
  const layers = root.list("fp32_fallback_sensitivity").map((item, index) => {
    const fields = new FieldReader(item, `fp32_fallback_sensitivity[${index}]`, found);
    return { layer: layerName(fields.string("op_name")), score: fields.number("mse") };
  });
  const meta = root.object("meta");
  const basis = {
    ...UNKNOWN_BASIS,
    method: meta.string("strategy"),
    samples: meta.integer("calib_samples", 1),
    batches: meta.integer("confidence_batches", 1),
    batch_size: meta.integer("calib_batch_size", 1),
    sequence_length: meta.integer("max_seq_len", 1),
  };
  const failure = root.firstProblem;
  if (failure !== undefined) return { ok: false, error: failure };
  return ok({
    name,
    kind: "mean_squared_errors",
    configuration: configurationOf(json),
    results: resultsOf(json),
    basis,
    layers,
    problem: null,
    budget: null,
  });
}

function dataOf(json: PyJson): string | null {
  const dataset = isPyObject(json) ? json.get("dataset") : undefined;
  if (!isPyObject(dataset)) return null;
  const source = textOf(dataset.get("captions_path")) ?? textOf(dataset.get("vlm_calib_db"));
  const parts = [textOf(dataset.get("name")), source === null ? null : lastPart(source)];
  const known = parts.filter((part) => part !== null);
  return known.length === 0 ? null : known.join(" ");
}

const textOf = (value: PyJson | undefined): string | null =>
  typeof value === "string" ? value : null;

const lastPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

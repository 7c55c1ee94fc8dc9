import { fail, succeed, type AnalysisFailure, type Outcome } from "../outcome.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import type { PyJson } from "../python-json/value.ts";
import type { Measured, QuantizedModule, ScoreGroup, Scores } from "./scores.ts";

/** Schema number of the score documents that this version reads. */
const SCORES_SCHEMA = 1;

/** Reads and checks a score document. */
export function readScores(text: string): Outcome<Scores> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== SCORES_SCHEMA) {
    return fail(
      "unsupported_schema",
      "schema",
      `Score documents of schema ${schema} are not readable here (this version reads ${SCORES_SCHEMA}). Measure again, or use the matching version.`,
    );
  }
  root.only([
    "schema",
    "format",
    "method",
    "scope",
    "measured",
    "environment",
    "groups",
    "modules",
  ]);
  const format = root.object("format").only(["name", "charged_bits", "config"]);
  const bits = format.number("charged_bits");
  if (bits <= 0) format.problem("wrong_structure", "format.charged_bits", "is not above zero");
  const scores: Scores = {
    format: { name: format.string("name"), bits, config: format.object("config").verbatim },
    method: root.oneOf("method", ["gradient", "kl_div"]) ?? "gradient",
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    measured: readMeasured(root.object("measured")),
    environment: readEnvironment(root.object("environment")),
    groups: readGroups(root, problems),
    modules: root.list("modules").map((item, index) => readModule(item, index, problems)),
  };
  const failure = root.firstProblem;
  return failure === undefined ? succeed(scores) : { ok: false, failure };
}

function readMeasured(fields: FieldReader): Measured {
  fields.only([
    "calibration_samples",
    "calibration_batches",
    "score_samples",
    "score_batches",
    "score_tokens",
    "batch_size",
    "sequence_length",
  ]);
  return {
    calibrationSamples: fields.integer("calibration_samples", 1),
    calibrationBatches: fields.integer("calibration_batches", 1),
    scoreSamples: fields.integer("score_samples", 1),
    scoreBatches: fields.integer("score_batches", 1),
    scoreTokens: fields.integer("score_tokens", 1),
    batchSize: fields.integer("batch_size", 1),
    sequenceLength: fields.integer("sequence_length", 1),
  };
}

function readEnvironment(fields: FieldReader): ReadonlyMap<string, string> {
  return new Map([...fields.verbatim.keys()].map((name) => [name, fields.string(name)]));
}

function readGroups(root: FieldReader, problems: AnalysisFailure[]): readonly ScoreGroup[] {
  const items = root.list("groups");
  if (items.length === 0) root.problem("wrong_structure", "groups", "is empty");
  const seen = new Set<string>();
  return items.map((item, index) => {
    const group = readGroup(item, index, problems);
    if (seen.has(group.handle)) {
      root.problem("duplicate_group", group.handle, `is listed twice (again as groups[${index}])`);
    }
    seen.add(group.handle);
    return group;
  });
}

function readGroup(item: PyJson, index: number, problems: AnalysisFailure[]): ScoreGroup {
  const handle = new FieldReader(item, `groups[${index}]`, problems).string("handle");
  // Further problems name the layer: nobody can find "groups[137]" in a model.
  const where = `groups[${index}] (${handle})`;
  const fields = new FieldReader(item, where, problems);
  fields.only(["handle", "modules", "weights", "enabled", "score", "executions"]);
  const group: ScoreGroup = {
    handle,
    modules: fields.strings("modules"),
    weights: fields.integer("weights", 1),
    enabled: fields.boolean("enabled"),
    score: fields.number("score"),
    executions: fields.integer("executions", 0),
  };
  if (group.modules.length === 0) fields.problem("wrong_structure", where, "has no modules");
  if (group.score < 0) fields.problem("wrong_structure", where, "has a score below zero");
  if (!group.enabled && group.score !== 0) {
    fields.problem("disabled_group_scored", where, "has a score although it is not enabled");
  }
  return group;
}

function readModule(item: PyJson, index: number, problems: AnalysisFailure[]): QuantizedModule {
  const fields = new FieldReader(item, `modules[${index}]`, problems).only(["name", "type"]);
  return { name: fields.string("name"), type: fields.string("type") };
}

import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { nameOf } from "./handle.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import type { PyJson } from "../python-json/value.ts";
import { MODELOPT } from "./engines.ts";
import type {
  Measured,
  Packing,
  QuantizedModule,
  ScoreGroup,
  Scores,
  TakenOver,
} from "./scores.ts";

/** Schema number of the score documents that are written today. */
export const SCORES_SCHEMA = 2;

/** The first documents: all by one engine, which they do not name, with its names of groups. */
const FIRST_SCHEMA = 1;

/** Reads and checks a score document. */
export function readScores(text: string): Analysed<Scores> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== SCORES_SCHEMA && schema !== FIRST_SCHEMA) {
    return failed(
      "unsupported_schema",
      "schema",
      `Score documents of schema ${schema} are not readable here (this version reads ${FIRST_SCHEMA} and ${SCORES_SCHEMA}). Measure again, or use the matching version.`,
    );
  }
  const isFirst = schema === FIRST_SCHEMA;
  root.only([
    "schema",
    ...(isFirst ? [] : ["engine"]),
    "format",
    "method",
    "scope",
    "measured",
    "environment",
    "groups",
    "modules",
    "taken_over",
  ]);
  const takenOver = root.has("taken_over") ? readTakenOver(root.object("taken_over")) : undefined;
  const lenient = takenOver !== undefined;
  const engine = isFirst ? MODELOPT : root.string("engine");
  // An engine has its own form of a format, under its own name.
  const config = isFirst ? "config" : engine;
  const format = root.object("format").only(["name", "charged_bits", config]);
  const bits = format.number("charged_bits");
  if (bits <= 0) format.problem("wrong_structure", "format.charged_bits", "is not above zero");
  const scores: Scores = {
    engine,
    format: { name: format.string("name"), bits, config: format.object(config).verbatim },
    method: root.string("method"),
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    measured: readMeasured(root.object("measured"), lenient),
    environment: readEnvironment(root.object("environment")),
    groups: readGroups(root, problems, { isFirst, lenient }),
    modules: root.list("modules").map((item, index) => readModule(item, index, problems)),
    ...(takenOver === undefined ? {} : { takenOver }),
  };
  const failure = root.firstProblem;
  return failure === undefined ? ok(scores) : { ok: false, error: failure };
}

function readTakenOver(fields: FieldReader): TakenOver {
  fields.only(["from", "digest"]);
  return { from: fields.string("from"), digest: fields.string("digest") };
}

/** Scores that were taken over may say of a count that it is not known. */
function count(fields: FieldReader, key: string, minimum: number, lenient: boolean): number | null {
  return lenient && fields.verbatim.get(key) === null ? null : fields.integer(key, minimum);
}

function readMeasured(fields: FieldReader, lenient: boolean): Measured {
  fields.only([
    "calibration_samples",
    "calibration_batches",
    "score_samples",
    "score_batches",
    "score_tokens",
    "batch_size",
    "sequence_length",
    "packing",
  ]);
  const packing = readPacking(fields);
  return {
    calibrationSamples: count(fields, "calibration_samples", 1, lenient),
    calibrationBatches: count(fields, "calibration_batches", 1, lenient),
    scoreSamples: count(fields, "score_samples", 1, lenient),
    scoreBatches: count(fields, "score_batches", 1, lenient),
    scoreTokens: count(fields, "score_tokens", 1, lenient),
    batchSize: count(fields, "batch_size", 1, lenient),
    sequenceLength: count(fields, "sequence_length", 1, lenient),
    ...(packing === undefined ? {} : { packing }),
  };
}

function readPacking(fields: FieldReader): Packing | undefined {
  if (!fields.has("packing")) return undefined;
  const packing = fields.object("packing");
  packing.only(["texts", "tokens", "length", "rows", "left_over"]);
  return {
    texts: packing.integer("texts", 1),
    tokens: packing.integer("tokens", 1),
    length: packing.integer("length", 1),
    rows: packing.integer("rows", 1),
    leftOver: packing.integer("left_over", 0),
  };
}

function readEnvironment(fields: FieldReader): ReadonlyMap<string, string> {
  return new Map([...fields.verbatim.keys()].map((name) => [name, fields.string(name)]));
}

/** How a document's groups are written. */
interface GroupForm {
  readonly isFirst: boolean;
  readonly lenient: boolean;
}

function readGroups(
  root: FieldReader,
  problems: AnalysisFailure[],
  form: GroupForm,
): readonly ScoreGroup[] {
  const items = root.list("groups");
  if (items.length === 0) root.problem("wrong_structure", "groups", "is empty");
  const seen = new Set<string>();
  return items.map((item, index) => {
    const group = readGroup(item, index, problems, form);
    if (seen.has(group.name)) {
      root.problem("duplicate_group", group.name, `is listed twice (again as groups[${index}])`);
    }
    seen.add(group.name);
    return group;
  });
}

function readGroup(
  item: PyJson,
  index: number,
  problems: AnalysisFailure[],
  { isFirst, lenient }: GroupForm,
): ScoreGroup {
  const key = isFirst ? "handle" : "name";
  const written = new FieldReader(item, `groups[${index}]`, problems).string(key);
  const name = isFirst ? nameOf(written) : written;
  // Further problems name the layer, since "groups[137]" cannot be found in a model.
  const where = `groups[${index}] (${name})`;
  const fields = new FieldReader(item, where, problems);
  fields.only([key, "modules", "weights", "enabled", "score", "executions"]);
  const group: ScoreGroup = {
    name,
    modules: fields.strings("modules"),
    weights: fields.integer("weights", 1),
    enabled: fields.boolean("enabled"),
    score: fields.number("score"),
    executions: count(fields, "executions", 0, lenient),
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

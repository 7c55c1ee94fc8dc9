import { parsePythonJson } from "../python-json/parse.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { isPyObject, numericValue, type PyJson } from "../python-json/value.ts";
import { ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { markdownCode, markdownLink, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";

/** Ops of a model by how much they suffer in INT8, as Intel Neural Compressor's users know the file. */
export interface OpSensitivity {
  /** Scalars of `meta`, as text by name; nested ones by dotted name. */
  readonly meta: ReadonlyMap<string, string>;
  /** With one op kept in float32. */
  readonly fallback: readonly RankedOp[];
  /** With one op in INT8. */
  readonly requant: readonly RankedOp[];
}

export interface RankedOp {
  readonly name: string;
  readonly type: string;
  readonly score: number;
}

/** Reads `op_sensitivity_*.json`, with or without the metadata that aqm adds. */
export function readOpSensitivity(text: string): Analysed<OpSensitivity> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const ops = (key: string): readonly RankedOp[] =>
    root.objects(key).map((of) => ({
      name: of.string("op_name"),
      type: of.string("op_type"),
      score: of.number("mse"),
    }));
  const read = {
    meta: new Map(scalars(root.object("meta").verbatim, "")),
    fallback: ops("fp32_fallback_sensitivity"),
    requant: ops("int8_requant_sensitivity"),
  };
  const problem = root.firstProblem;
  return problem === undefined ? ok(read) : { ok: false, error: problem };
}

function* scalars(value: PyJson, path: string): Generator<readonly [string, string]> {
  if (isPyObject(value)) {
    for (const [key, item] of value) yield* scalars(item, path === "" ? key : `${path}.${key}`);
    return;
  }
  const number = numericValue(value);
  if (number !== undefined) yield [path, String(number)];
  else if (typeof value === "string") yield [path, value];
  else if (typeof value === "boolean" || value === null) yield [path, String(value)];
}

/**
 * The list of ops as Markdown, in the layout of the published one: least sensitive first, squared errors with six
 * decimals, and what the measurement was made with. Equal values share a line in the order of their names.
 *
 * @param source path of the JSON from the Markdown's folder
 */
export function opSensitivityMarkdown(
  { meta, fallback, requant }: OpSensitivity,
  model: string,
  source: string,
): string {
  const said = (name: string): string => meta.get(name) ?? "not said";
  const facts: readonly (readonly [string, string])[] = [
    ["Calib samples", said("calib_samples")],
    ["Calib batch size", said("calib_batch_size")],
    ["Max seq len", said("max_seq_len")],
    ...[...meta]
      .filter(([name]) => !KNOWN.has(name))
      .map(([name, value]) => [name, value] as const),
  ];
  const strategy = said("strategy");
  const blocks: readonly (string | null)[] = [
    `# ${strategy.toUpperCase()} Op Sensitivity: ${markdownText(model)} (${markdownText(said("backend"))}, ${said("device").toUpperCase()})`,
    facts.map(([name, value]) => `- ${markdownText(name)}: ${markdownText(value)}`).join("\n"),
    markdownLink("As JSON", source),
    ...section("INT8-op fallback sensitivity (lower MSE = less sensitive)", fallback),
    ...section("One op in INT8: squared distance of the logits (lower = less sensitive)", requant),
  ];
  return `${blocks.filter((block) => block !== null).join("\n\n")}\n`;
}

const KNOWN = new Set([
  "backend",
  "device",
  "strategy",
  "calib_samples",
  "calib_batch_size",
  "max_seq_len",
]);

function section(title: string, ops: readonly RankedOp[]): readonly (string | null)[] {
  const rows = table(
    ["Rank", "Op Name", "Op Type", "MSE"],
    ops.map(({ name, type, score }, n) => [
      String(n + 1),
      markdownCode(name),
      markdownCode(type),
      score.toExponential(6).replace(/e([+-])(\d)$/, "e$10$2"),
    ]),
  );
  return rows === null ? [] : [`## ${title}`, rows];
}

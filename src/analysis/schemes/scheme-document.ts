import { fail, succeed, type AnalysisFailure, type Outcome } from "../outcome/outcome.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { documentText } from "../quality/document-text.ts";
import { EXPORT_FORMATS, RANKINGS, type Scheme, type SchemeChoice } from "./scheme.ts";

const SCHEME_SCHEMA = 1;

/** A scheme as JSON, a line for each dropped candidate and each layer group. `readScheme` reads it. */
export function schemeJson({ dropped, layers, ...head }: Scheme): string {
  return documentText({ schema: SCHEME_SCHEMA, ...head }, { dropped, layers });
}

/** Reads and checks a scheme document. */
export function readScheme(text: string): Outcome<Scheme> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== SCHEME_SCHEMA) {
    const what = `Schemes of schema ${schema} are not readable here (this version reads ${SCHEME_SCHEMA})`;
    return fail("unsupported_schema", "schema", `${what}. Build the scheme again.`);
  }
  const scheme: Scheme = {
    name: root.string("name"),
    model: root.string("model"),
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    size: root.string("size"),
    engine: isNull(root, "engine") ? null : root.string("engine"),
    candidates: root.strings("candidates"),
    choice: readChoice(root),
    ranking: isNull(root, "ranking") ? null : (root.oneOf("ranking", RANKINGS) ?? null),
    achieved: readAchieved(root.object("achieved")),
    exports: root.objects("exports").map((of) => ({
      format: of.oneOf("format", EXPORT_FORMATS) ?? "modelopt",
      bytes: of.integer("bytes", 0),
    })),
    dropped: root.objects("dropped").map((of) => ({
      group: of.string("group"),
      candidate: of.string("candidate"),
      because: of.string("because"),
    })),
    layers: root.objects("layers").map((of) => ({
      group: of.string("group"),
      modules: of.strings("modules"),
      format: of.string("format"),
    })),
  };
  const failure = root.firstProblem;
  return failure === undefined ? succeed(scheme) : { ok: false, failure };
}

function readAchieved(fields: FieldReader): Scheme["achieved"] {
  return {
    bits: fields.number("bits"),
    whole_bits: fields.number("whole_bits"),
    bytes: fields.integer("bytes", 0),
    score: isNull(fields, "score") ? null : fields.number("score"),
    quantized_groups: fields.integer("quantized_groups", 0),
    groups: fields.integer("groups", 1),
  };
}

function readChoice(root: FieldReader): SchemeChoice {
  const fields = root.object("choice");
  if (fields.has("bits")) return { bits: fields.number("bits") };
  if (fields.has("gigabytes")) return { gigabytes: fields.number("gigabytes") };
  if (fields.has("bit_plan")) return { bit_plan: fields.string("bit_plan") };
  if (fields.has("everywhere")) return { everywhere: fields.string("everywhere") };
  if (fields.has("recipe")) return { recipe: fields.string("recipe") };
  const share = { top_percent: fields.integer("top_percent", 1) };
  if (!fields.has("most_sensitive")) return share;
  if (!fields.boolean("most_sensitive"))
    fields.problem("wrong_structure", "choice.most_sensitive", "is not true");
  return { ...share, most_sensitive: true };
}

const isNull = (fields: FieldReader, key: string): boolean => fields.verbatim.get(key) === null;

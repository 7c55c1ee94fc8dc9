import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { documentText } from "../quality/document-text.ts";
import { readFigure, readFigures, readFurtherFigures } from "../quality/figures.ts";
import { EXPORT_FORMATS } from "../schemes/scheme.ts";
import { readServingSpeed } from "../schemes/serving-status.ts";
import { placeOrNull, readAnswer, textOrNull } from "./answers-document.ts";
import {
  LEAKED,
  type AnsweredPrompt,
  type Evaluation,
  type ExportedSize,
  type MeasuredOn,
  type SpeedOf,
} from "./evaluation.ts";

const EVALUATION_SCHEMA = 1;

/** An evaluation as JSON, a line for each set of samples and each prompt. `readEvaluation` reads it. */
export const evaluationJson = ({ figures, answers, ...head }: Evaluation): string =>
  documentText({ schema: EVALUATION_SCHEMA, ...head }, { figures, answers });

/** Reads and checks an evaluation; one whose leaked figures do not say so is refused. */
export function readEvaluation(text: string): Analysed<Evaluation> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== EVALUATION_SCHEMA) {
    const what = `Evaluations of schema ${schema} are not readable here (this version reads ${EVALUATION_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Evaluate the scheme again.`);
  }
  const sizes = root.object("sizes");
  const evaluation: Evaluation = {
    name: root.string("name"),
    model: root.string("model"),
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    size: root.string("size"),
    plan: root.string("plan"),
    weights: root.oneOf("weights", ["random", "real"]) ?? "random",
    word: root.string("word"),
    sizes: {
      unquantized_bytes: sizes.integer("unquantized_bytes", 1),
      exports: sizes.objects("exports").map(readSize),
    },
    speed: root.objects("speed").map(readSpeed),
    max_new_tokens: root.integer("max_new_tokens", 1),
    figures: root.objects("figures").map(readMeasuredOn),
    answers: root.objects("answers").map(readAnswered),
  };
  const failure = root.firstProblem;
  return failure === undefined ? ok(evaluation) : { ok: false, error: failure };
}

function readMeasuredOn(fields: FieldReader): MeasuredOn {
  const unquantized = fields.object("unquantized");
  const scheme = fields.object("scheme");
  const leaked = fields.boolean("leaked");
  if (textOrNull(fields, "note") !== (leaked ? LEAKED : null))
    fields.problem(
      "leaked_data",
      "note",
      leaked ? "does not say that the data is leaked" : "says that the data is leaked",
    );
  return {
    set: fields.string("set"),
    leaked,
    note: leaked ? LEAKED : null,
    samples: fields.integer("samples", 1),
    tokens: fields.integer("tokens", 1),
    unquantized: {
      loss: readFigure(unquantized, "loss"),
      perplexity: readFigure(unquantized, "perplexity"),
    },
    scheme: { ...readFigures(scheme), ...readFurtherFigures(scheme) },
  };
}

const readSize = (fields: FieldReader): ExportedSize => ({
  format: fields.oneOf("format", EXPORT_FORMATS) ?? "modelopt",
  predicted_bytes: placeOrNull(fields, "predicted_bytes"),
  found_bytes: placeOrNull(fields, "found_bytes"),
});

function readSpeed(fields: FieldReader): SpeedOf {
  const measured = readServingSpeed(fields, "measured");
  const not_measured = textOrNull(fields, "not_measured");
  if ((measured === null) === (not_measured === null))
    fields.problem("wrong_structure", "measured", "and not_measured do not fit: one is null");
  return { format: fields.oneOf("format", EXPORT_FORMATS) ?? "modelopt", measured, not_measured };
}

const readAnswered = (fields: FieldReader): AnsweredPrompt => {
  const [before, after] = [fields.object("unquantized"), fields.object("scheme")];
  return {
    prompt: fields.string("prompt"),
    image: textOrNull(fields, "image"),
    unquantized: readAnswer(before, before.numbers("different")),
    scheme: readAnswer(after, after.numbers("different")),
    first_difference: placeOrNull(fields, "first_difference"),
  };
};

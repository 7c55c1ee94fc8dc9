import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import type { Answer, AnsweredPrompt } from "./evaluation.ts";

/** What the op `plan_answers` or `recipe_answers` writes of one plan. */
export interface AnswersDocument {
  readonly scope: "lm" | "all_layers";
  readonly max_new_tokens: number;
  readonly answers: readonly AnsweredPrompt[];
}

const ANSWERS_SCHEMA = 1;

/** Reads and checks a document of answers that has exactly one plan. */
export function readAnswers(text: string): Analysed<AnswersDocument> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== ANSWERS_SCHEMA) {
    const what = `Answers of schema ${schema} are not readable here (this version reads ${ANSWERS_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Let the models answer again.`);
  }
  const prompts = root.objects("prompts");
  const unquantized = root.objects("unquantized");
  const [plan, ...others] = root.objects("plans");
  const answers = plan?.objects("answers") ?? [];
  if (plan === undefined || others.length > 0)
    root.problem("wrong_structure", "plans", "does not hold exactly one plan");
  for (const [key, list] of [
    ["unquantized", unquantized],
    ["plans[0].answers", answers],
  ] as const) {
    if (list.length !== prompts.length)
      root.problem(
        "figures_disagree",
        key,
        `has ${list.length} answers to ${prompts.length} prompts`,
      );
  }
  const document: AnswersDocument = {
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    max_new_tokens: root.object("settings").integer("max_new_tokens", 1),
    answers: prompts.flatMap((prompt, at) => {
      const [before, after] = [unquantized[at], answers[at]];
      return before === undefined || after === undefined ? [] : [answered(prompt, before, after)];
    }),
  };
  const failure = root.firstProblem;
  return failure === undefined ? ok(document) : { ok: false, error: failure };
}

function answered(prompt: FieldReader, before: FieldReader, after: FieldReader): AnsweredPrompt {
  const different = after.object("different");
  return {
    prompt: prompt.string("prompt"),
    image: textOrNull(prompt, "image"),
    unquantized: readAnswer(before, different.numbers("unquantized")),
    scheme: readAnswer(after, different.numbers("plan")),
    first_difference: placeOrNull(after, "first_difference"),
  };
}

/** @param different places of its tokens that the other answer lacks */
export function readAnswer(fields: FieldReader, different: readonly number[]): Answer {
  const answer = {
    tokens: fields.numbers("tokens"),
    pieces: fields.strings("pieces"),
    text: fields.string("text"),
    ended: fields.boolean("ended"),
    different,
  };
  const { tokens, pieces } = answer;
  if (pieces.length !== tokens.length)
    fields.problem("figures_disagree", "pieces", `has ${pieces.length} of ${tokens.length} tokens`);
  if (!different.every((place) => Number.isInteger(place) && tokens[place] !== undefined))
    fields.problem("figures_disagree", "different", "names places that the answer does not have");
  return answer;
}

export const textOrNull = (fields: FieldReader, key: string): string | null =>
  fields.verbatim.get(key) === null ? null : fields.string(key);

export const placeOrNull = (fields: FieldReader, key: string): number | null =>
  fields.verbatim.get(key) === null ? null : fields.integer(key, 0);

import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { documentText } from "../quality/document-text.ts";
import { readFigure, readFigures } from "../quality/figures.ts";
import { readMeasuredHead, readVerdict } from "../quality/measured-frontier-json.ts";
import { PLAN_KINDS } from "../quality/plan-document.ts";
import { readGoal } from "./scheme-document.ts";
import type {
  MeasuredControl,
  SchemeQuality,
  SchemeVerdict,
  SearchVerdict,
} from "./scheme-quality.ts";

const QUALITY_SCHEMA = 1;

/** A judged scheme as JSON, a line for each control. `readSchemeQuality` reads it. */
export function schemeQualityJson({ controls, ...head }: SchemeQuality): string {
  return documentText({ schema: QUALITY_SCHEMA, ...head }, { controls });
}

/** Reads and checks what was measured of a scheme. */
export function readSchemeQuality(text: string): Analysed<SchemeQuality> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== QUALITY_SCHEMA) {
    const what = `Measured schemes of schema ${schema} are not readable here (this version reads ${QUALITY_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build it again.`);
  }
  const isNull = (key: string): boolean => root.verbatim.get(key) === null;
  const quality: SchemeQuality = {
    ...readMeasuredHead(root),
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    bits: root.number("bits"),
    plan: root.string("plan"),
    figures: readFigures(root.object("figures")),
    verdict: isNull("verdict") ? null : readSchemeVerdict(root.object("verdict")),
    unjudged: isNull("unjudged") ? null : root.string("unjudged"),
    ...(root.has("search") ? { search: readSearchVerdict(root.object("search")) } : {}),
    controls: root.objects("controls").map(readControl),
  };
  if ((quality.verdict === null) !== (quality.unjudged !== null)) {
    root.problem("wrong_structure", "verdict", "and unjudged do not fit: one of them is null");
  }
  if (quality.weights === "random" && quality.verdict?.word === "proven") {
    root.problem("figures_disagree", "verdict.word", "is proven, and weights are random");
  }
  const failure = root.firstProblem;
  return failure === undefined ? ok(quality) : { ok: false, error: failure };
}

function readSchemeVerdict(fields: FieldReader): SchemeVerdict {
  const sizes = fields.object("random_bits");
  return {
    ...readVerdict(fields),
    random_bits: { lowest: sizes.number("lowest"), highest: sizes.number("highest") },
  };
}

function readSearchVerdict(fields: FieldReader): SearchVerdict {
  const goal = readGoal(fields, ["here"]);
  return {
    starts: fields.objects("starts").map((of) => ({
      plan: of.string("plan"),
      factor: readFigure(of, "factor"),
    })),
    goal: goal === null ? null : { ...goal, here: readFigure(fields.object("goal"), "here") },
  };
}

const readControl = (fields: FieldReader): MeasuredControl => ({
  name: fields.string("name"),
  kind: fields.oneOf("kind", PLAN_KINDS) ?? "random",
  bits: fields.number("bits"),
  predicted: fields.number("predicted"),
  ...readFigures(fields),
});

import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { documentText } from "../quality/document-text.ts";
import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { COMPARED_KINDS, type ComparedPlan } from "./comparison.ts";

const SCHEMA = 1;

/** What the plans are that are measured, without their formats: `plans.json`. */
export const plansOverviewJson = (plans: readonly ComparedPlan[]): string =>
  documentText(
    { schema: SCHEMA },
    {
      plans: plans.map(({ name, kind, engine, draw, budget, bits }) => ({
        ...{ name, kind, engine, draw, budget, bits },
      })),
    },
  );

/** Reads and checks what `plansOverviewJson` wrote. */
export function readPlansOverview(text: string): Analysed<readonly ComparedPlan[]> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  const plans = root.list("plans").map((item, index): ComparedPlan => {
    const fields = new FieldReader(item, `plans[${index}]`, problems);
    const textOrNull = (key: string): string | null =>
      fields.verbatim.get(key) === null ? null : fields.string(key);
    return {
      name: fields.string("name"),
      kind: fields.oneOf("kind", COMPARED_KINDS) ?? "engine",
      engine: textOrNull("engine"),
      draw: textOrNull("draw"),
      budget: fields.verbatim.get("budget") === null ? null : fields.number("budget"),
      bits: fields.number("bits"),
    };
  });
  const problem = root.firstProblem;
  if (problem !== undefined) return { ok: false, error: problem };
  return schema === SCHEMA
    ? ok(plans)
    : failed(
        "unsupported_schema",
        "schema",
        `Plans of compared engines of schema ${schema} are not readable here (this version reads ${SCHEMA}). Build them again.`,
      );
}

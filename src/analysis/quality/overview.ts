import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { documentText } from "./document-text.ts";
import { readPlanned, readPlannedPlan, type Planned, type PlannedPlan } from "./planned.ts";

/** What plan documents leave out, so that it makes nothing to be measured again: sizes and predicted scores. */
export interface Overview extends Planned {
  /** Those that may be quantized, in the order of plan documents. */
  readonly groups: readonly OverviewGroup[];
  /** By kind, then by rising budget. */
  readonly plans: readonly PlannedPlan[];
}

export interface OverviewGroup {
  readonly name: string;
  /** As `placeOf` words them. */
  readonly kind: string;
  readonly tower: "vision" | "language";
  readonly weights: number;
  /** Score by each candidate, in their order. */
  readonly predicted: readonly number[];
}

const OVERVIEW_SCHEMA = 1;

export function overviewJson({ groups, plans, ...head }: Overview): string {
  return documentText({ schema: OVERVIEW_SCHEMA, ...head }, { groups, plans });
}

/** Reads and checks an overview. */
export function readOverview(text: string): Analysed<Overview> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== OVERVIEW_SCHEMA) {
    const what = `Overviews of plans of schema ${schema} are not readable here (this version reads ${OVERVIEW_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build it again.`);
  }
  const overview: Overview = {
    ...readPlanned(root),
    groups: root.objects("groups").map((of) => ({
      name: of.string("name"),
      kind: of.string("kind"),
      tower: of.oneOf("tower", ["vision", "language"]) ?? "language",
      weights: of.integer("weights", 1),
      predicted: of.numbers("predicted"),
    })),
    plans: root.objects("plans").map(readPlannedPlan),
  };
  const short = overview.groups.find(
    ({ predicted }) => predicted.length !== overview.candidates.length,
  );
  if (short !== undefined) {
    root.problem("wrong_structure", `groups (${short.name})`, "has no score for each candidate");
  }
  const failure = root.firstProblem;
  return failure === undefined ? ok(overview) : { ok: false, error: failure };
}

import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { readFigure, type Figure } from "../quality/figures.ts";
import { readGoal, readMoves } from "../schemes/scheme-document.ts";
import type { Goal, Searched } from "../schemes/scheme.ts";
import type { SearchUnit } from "./weighed-groups.ts";

/** What the op `measured_search` found, as far as a scheme needs it. */
export interface MeasuredSearch extends Pick<Searched, "measured" | "exhausted" | "moves"> {
  readonly scope: "lm" | "all_layers";
  readonly candidates: readonly string[];
  readonly unit: SearchUnit;
  readonly limit: number | null;
  readonly goal: Goal | null;
  readonly settings: { readonly measurements: number; readonly seed: number };
  /** Names, in the order of formats. */
  readonly groups: readonly string[];
  /** With a limit the problem's starts; with a goal the plans that were judged before the first move. */
  readonly starts: readonly (MeasuredFormats & { readonly name: string })[];
  /** Name of the start from which the kept moves began. */
  readonly began: string | null;
  readonly found: MeasuredFormats & { readonly met: boolean | null };
}

/** A plan with the goal's figure, or KL. */
export interface MeasuredFormats {
  readonly cost: number;
  readonly formats: readonly string[];
  /** On the held-out set `search`; null where it was not measured. */
  readonly search: number | null;
  readonly confirm: Figure;
}

const RESULT_SCHEMA = 1;

/** Reads and checks `search.json`. */
export function readSearchResult(text: string): Analysed<MeasuredSearch> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== RESULT_SCHEMA) {
    const what = `Results of searches of schema ${schema} are not readable here (this version reads ${RESULT_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build the search again.`);
  }
  root.oneOf("op", ["measured_search"]);
  const isNull = (fields: FieldReader, key: string): boolean => fields.verbatim.get(key) === null;
  const settings = root.object("settings");
  const found = root.object("found");
  const groups = root.strings("groups");
  const measured = (fields: FieldReader): MeasuredFormats => ({
    cost: fields.number("cost"),
    formats: fields.strings("formats"),
    search: isNull(fields, "search") ? null : fields.object("search").number("value"),
    confirm: readFigure(fields, "confirm"),
  });
  const result: MeasuredSearch = {
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    candidates: root.strings("candidates"),
    unit: root.oneOf("unit", ["bytes", "bits"]) ?? "bytes",
    limit: isNull(root, "limit") ? null : root.number("limit"),
    goal: readGoal(root),
    settings: {
      measurements: settings.integer("measurements", 1),
      seed: settings.integer("seed", 0),
    },
    measured: root.integer("measured", 0),
    exhausted: root.boolean("exhausted"),
    moves: readMoves(root.object("moves")),
    groups,
    starts: root.objects("starts").map((of) => ({ name: of.string("name"), ...measured(of) })),
    began: isNull(root, "began") ? null : root.string("began"),
    found: {
      ...measured(found),
      met: isNull(found, "met") ? null : found.boolean("met"),
    },
  };
  const wrong = [result.found, ...result.starts].find(
    ({ formats }) => formats.length !== groups.length,
  );
  if (wrong !== undefined) {
    const count = `has ${wrong.formats.length} formats for ${groups.length} groups`;
    root.problem("figures_disagree", "formats of a plan", count);
  }
  const failure = root.firstProblem;
  return failure === undefined ? ok(result) : { ok: false, error: failure };
}

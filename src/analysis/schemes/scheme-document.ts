import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { documentText } from "../quality/document-text.ts";
import { readFigure } from "../quality/figures.ts";
import {
  EXPORT_FORMATS,
  GOAL_FIGURES,
  RANKINGS,
  SEARCH_STARTS,
  type Goal,
  type GoalSettings,
  type Scheme,
  type SchemeChoice,
  type Searched,
  type SearchedPlan,
} from "./scheme.ts";

const SCHEME_SCHEMA = 1;

/** A scheme as JSON, a line for each dropped candidate and each layer group. `readScheme` reads it. */
export function schemeJson({ dropped, layers, ...head }: Scheme): string {
  return documentText({ schema: SCHEME_SCHEMA, ...head }, { dropped, layers });
}

/** Reads and checks a scheme document. */
export function readScheme(text: string): Analysed<Scheme> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== SCHEME_SCHEMA) {
    const what = `Schemes of schema ${schema} are not readable here (this version reads ${SCHEME_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build the scheme again.`);
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
    ...(root.has("search") ? { search: readSearched(root.object("search")) } : {}),
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
  return failure === undefined ? ok(scheme) : { ok: false, error: failure };
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
  if (fields.has("goal")) return { goal: readGoalSettings(fields.object("goal")) };
  if (fields.has("bit_plan")) return { bit_plan: fields.string("bit_plan") };
  if (fields.has("everywhere")) return { everywhere: fields.string("everywhere") };
  if (fields.has("recipe")) return { recipe: fields.string("recipe") };
  const share = { top_percent: fields.integer("top_percent", 1) };
  if (!fields.has("most_sensitive")) return share;
  if (!fields.boolean("most_sensitive"))
    fields.problem("wrong_structure", "choice.most_sensitive", "is not true");
  return { ...share, most_sensitive: true };
}

function readGoalSettings(fields: FieldReader): GoalSettings {
  fields.only([...GOAL_FIGURES, "confidence"]);
  const named = GOAL_FIGURES.filter((name) => fields.has(name));
  if (named.length !== 1)
    fields.problem("wrong_structure", "choice.goal", "does not name exactly one figure");
  return Object.fromEntries(
    [...named, "confidence"].flatMap((name) =>
      fields.has(name) ? [[name, fields.number(name)]] : [],
    ),
  );
}

/**
 * A goal in full, or null where it is null.
 *
 * @param beside keys that may stand beside those of the goal
 */
export function readGoal(around: FieldReader, beside: readonly string[] = []): Goal | null {
  if (isNull(around, "goal")) return null;
  const fields = around.object("goal").only(["figure", "bound", "confidence", ...beside]);
  return {
    figure: fields.oneOf("figure", GOAL_FIGURES) ?? "kl",
    bound: fields.number("bound"),
    confidence: fields.number("confidence"),
  };
}

function readSearched(fields: FieldReader): Searched {
  const settings = fields.object("settings");
  const starts = settings.strings("starts");
  const known = SEARCH_STARTS.filter((start) => starts.includes(start));
  if (known.length !== starts.length)
    settings.problem("wrong_structure", "search.settings.starts", "has an unknown start");
  return {
    figure: fields.oneOf("figure", GOAL_FIGURES) ?? "kl",
    goal: readGoal(fields),
    met: isNull(fields, "met") ? null : fields.boolean("met"),
    settings: {
      measurements: settings.integer("measurements", 1),
      seed: settings.integer("seed", 0),
      starts: known,
    },
    measured: fields.integer("measured", 0),
    exhausted: fields.boolean("exhausted"),
    moves: readMoves(fields.object("moves")),
    began: readSearchedPlan(fields.object("began")),
    found: readSearchedPlan(fields.object("found")),
  };
}

/** How many changes a search tried, and what became of them. */
export const readMoves = (fields: FieldReader): Searched["moves"] => ({
  tried: fields.integer("tried", 0),
  better_on_search: fields.integer("better_on_search", 0),
  kept: fields.integer("kept", 0),
});

const readSearchedPlan = (fields: FieldReader): SearchedPlan => ({
  name: fields.string("name"),
  cost: fields.number("cost"),
  search: isNull(fields, "search") ? null : fields.number("search"),
  confirm: readFigure(fields, "confirm"),
});

const isNull = (fields: FieldReader, key: string): boolean => fields.verbatim.get(key) === null;

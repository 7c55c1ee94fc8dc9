import { UNQUANTIZED } from "../formats/label.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { isPyList, numericValue, type PyJson } from "../python-json/value.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import type { Frontier } from "../solve/frontier.ts";
import { gigabytesOf, type PlanRequest, type RequestedPlan } from "../bit-plan/plan-request.ts";
import type { PlanSettings } from "../bit-plan/plan-settings.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";
import { highestScore } from "../bit-plan/normalise.ts";

/** Of bit plan documents. */
export const PLAN_SCHEMA = 2;
const FRONTIER_SCHEMA = 2;

/** What a plan document says beside the plan itself. */
export interface PlanContext {
  readonly name: string;
  readonly modelId: string;
  readonly scope: string;
  readonly settings: PlanSettings;
  readonly request: PlanRequest;
  readonly candidates: readonly string[];
}

/**
 * A bit plan as JSON: what was asked, what it amounts to, and a line for each layer group. Settings that are
 * not the usual ones are said.
 *
 * @param problem as measured, in the unit of scores that was asked for
 */
export function planJson(
  { name, modelId, scope, settings, request, candidates }: PlanContext,
  problem: BitProblem,
  { plan, frontier }: RequestedPlan,
): string {
  const whole = highestScore(problem);
  const quantized = plan.choices.filter(({ candidate }) => candidate.format !== UNQUANTIZED);
  const head = {
    schema: PLAN_SCHEMA,
    name,
    model: modelId,
    scope,
    candidates,
    bits_counted: settings.count,
    ...(settings.search === "exact" ? {} : { search: settings.search }),
    ...(settings.scores === "raw" ? {} : { scores: settings.scores }),
    request,
    achieved: {
      bits: plan.bits.achieved,
      budget_bits: plan.bits.budget,
      slack_bits: plan.bits.slack,
      minimum_bits: plan.bits.minimum,
      gigabytes: gigabytesOf(plan.cost),
      score: plan.score,
      score_share: whole > 0 ? plan.score / whole : 0,
      quantized_groups: quantized.length,
      groups: plan.choices.length,
    },
    frontier: { points: frontier.points.length, given: frontier.given },
  };
  const layers = plan.choices.map(({ name, candidate }, g) => {
    const { modules = [], weights = 0 } = problem.groups[g] ?? {};
    const { format, bits, score } = candidate;
    return { name, modules, weights, format, bits, score };
  });
  return withLines(head, { layers });
}

/** A frontier as JSON, a line for each group and each point. `readFrontier` reads it. */
export function frontierJson(frontier: Frontier): string {
  const { groups, start, points, given } = frontier;
  return withLines({ schema: FRONTIER_SCHEMA, given }, { groups, start, points });
}

/** Indented head, then lists with a line an item: readable, and small in a diff. */
function withLines(head: object, lists: Readonly<Record<string, readonly unknown[]>>): string {
  const open = JSON.stringify(head, null, 2).slice(0, -2);
  const parts = Object.entries(lists).map(([key, items]) => {
    // Short items share a line.
    const isPlain = items.every((item) => typeof item !== "object");
    if (isPlain) return `  ${JSON.stringify(key)}: ${JSON.stringify(items)}`;
    const lines = items.map((item) => `    ${JSON.stringify(item)}`);
    return `  ${JSON.stringify(key)}: [\n${lines.join(",\n")}\n  ]`;
  });
  return `${[open, ...parts].join(",\n")}\n}\n`;
}

/** Reads and checks a frontier document. */
export function readFrontier(text: string): Analysed<Frontier> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== FRONTIER_SCHEMA) {
    const what = `Frontiers of schema ${schema} are not readable here (this version reads ${FRONTIER_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build it again.`);
  }
  const groups = root.list("groups").map((item, g) => readGroup(item, g, problems));
  const start = root.numbers("start");
  const isChoice = (group: number, candidate: number): boolean =>
    groups[group]?.candidates[candidate] !== undefined;
  if (start.length !== groups.length || !start.every((candidate, g) => isChoice(g, candidate))) {
    root.problem("wrong_structure", "start", "does not give every group one of its candidates");
  }
  const points = root.list("points").map((item, p) => {
    const fields = new FieldReader(item, `points[${p}]`, problems);
    const changes = fields.list("changes").map((change): readonly [number, number] => {
      const [group, candidate] = isPyList(change) ? change.map((part) => numericValue(part)) : [];
      if (group !== undefined && candidate !== undefined && isChoice(group, candidate)) {
        return [group, candidate];
      }
      fields.problem("wrong_structure", `points[${p}].changes`, "names no group and candidate");
      return [0, 0];
    });
    return {
      bits: fields.number("bits"),
      cost: fields.number("cost"),
      score: fields.number("score"),
      corner: fields.boolean("corner"),
      changes,
    };
  });
  if (points.length === 0) root.problem("wrong_structure", "points", "is empty");
  const rising = points.every(
    ({ bits, score }, p) =>
      p === 0 || (bits > (points[p - 1]?.bits ?? 0) && score < (points[p - 1]?.score ?? 0)),
  );
  if (!rising) root.problem("wrong_structure", "points", "do not rise in bits and fall in score");
  const given = root.oneOf("given", ["all", "corners", "some"]) ?? "some";
  const failure = root.firstProblem;
  return failure === undefined
    ? ok({ groups, start, points, given })
    : { ok: false, error: failure };
}

function readGroup(item: PyJson, index: number, problems: AnalysisFailure[]): ChoiceGroup {
  const fields = new FieldReader(item, `groups[${index}]`, problems);
  const candidates = fields.list("candidates").map((candidate, c) => {
    const of = new FieldReader(candidate, `groups[${index}].candidates[${c}]`, problems);
    return {
      format: of.string("format"),
      bits: of.number("bits"),
      cost: of.number("cost"),
      score: of.number("score"),
    };
  });
  return {
    name: fields.string("name"),
    ...(fields.has("modules") ? { modules: fields.strings("modules") } : {}),
    weights: fields.number("weights"),
    candidates,
  };
}

import { UNQUANTIZED } from "../formats/label.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import { meansGroup } from "../groups/layer-pattern.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";

/** Layers that may take only some of the candidates: one to force it, `NONE` to keep them unquantized. */
export interface LayerRule {
  /** Patterns of layer names; see `meansGroup`. */
  readonly layers: readonly string[];
  readonly formats: readonly string[];
}

/** `*lm_head* only NONE`: a rule, as messages name it. */
export const ruleText = ({ layers, formats }: LayerRule): string =>
  `${layers.join(", ")} only ${formats.join(" or ")}`;

/**
 * The problem with what the rules leave of its candidates. A rule must mean at least one layer, name
 * candidates that there are, and leave every layer it means one that other rules and the scope left.
 */
export function applyRules(problem: BitProblem, rules: readonly LayerRule[]): Analysed<BitProblem> {
  const known = new Set(
    problem.groups.flatMap(({ candidates }) => candidates.map(({ format }) => format)),
  );
  let groups = problem.groups;
  for (const [index, rule] of rules.entries()) {
    const again = repeated(rule.formats) ?? repeated(rule.layers);
    if (again !== undefined) return unmet(rule, `says ${again} twice. Say it once.`);
    if (rules.slice(0, index).some((other) => ruleText(other) === ruleText(rule)))
      return unmet(rule, "is there twice. Leave one of them out.");
    const unknown = rule.formats.find((format) => !known.has(format) && format !== UNQUANTIZED);
    if (unknown !== undefined) {
      const among = `The candidates are ${[...known].join(", ")}.`;
      return unmet(rule, `names ${unknown}, which is no candidate. ${among}`);
    }
    const idle = rule.layers.find((pattern) => !groups.some((group) => meansGroup(pattern, group)));
    if (idle !== undefined) {
      return unmet(
        rule,
        `means no layer by ${idle}. Compare it with the layer names of the scores.`,
      );
    }
    const narrowed: ChoiceGroup[] = [];
    for (const [g, group] of groups.entries()) {
      if (!rule.layers.some((pattern) => meansGroup(pattern, group))) {
        narrowed.push(group);
        continue;
      }
      const candidates = group.candidates.filter(({ format }) => rule.formats.includes(format));
      if (candidates.length === 0) {
        return unmet(rule, whyNone(group, problem.groups[g] ?? group, rules.slice(0, index)));
      }
      narrowed.push({ ...group, candidates });
    }
    groups = narrowed;
  }
  return ok({ groups });
}

const repeated = (texts: readonly string[]): string | undefined =>
  texts.find((text, at) => texts.indexOf(text) < at);

function whyNone(now: ChoiceGroup, before: ChoiceGroup, earlier: readonly LayerRule[]): string {
  const left = now.candidates.map(({ format }) => format).join(" or ");
  const by = earlier.filter(({ layers }) => layers.some((pattern) => meansGroup(pattern, now)));
  const whose =
    before.candidates.length === 1
      ? "what was scored"
      : `the rule ${by.map((rule) => `"${ruleText(rule)}"`).join(" and ")}`;
  return `leaves ${now.name} nothing: ${whose} allows only ${left} there. Change one of them.`;
}

const unmet = (rule: LayerRule, what: string): ReturnType<typeof failed> =>
  failed("constraint_unmet", ruleText(rule), `The rule "${ruleText(rule)}" ${what}`);

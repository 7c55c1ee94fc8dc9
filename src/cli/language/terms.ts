import { usage, type Element, type Term } from "../../declare/override/element.ts";
import {
  overrideKey,
  overrideText,
  overrideValue,
  resolveOverride,
  type Groups,
  type Override,
} from "../../declare/override/override.ts";
import { parseTerm } from "../../declare/override/term-parser.ts";
import { nameOfElement } from "../../declare/override/value.ts";
import { includeFilter } from "../../graph/include.ts";
import { axisNamed, axisValues, type GridAxes } from "../../graph/sweep.ts";
import type { Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";

/** One value of a term: a coordinate of existing targets, or a change of a config. */
export type Choice =
  | { readonly kind: "coordinate"; readonly axis: string; readonly value: string }
  | { readonly kind: "override"; readonly override: Override };

export const choiceText = (choice: Choice): string =>
  choice.kind === "coordinate" ? `${choice.axis}=${choice.value}` : overrideText(choice.override);

/** A choice as key and value, for a table of cells. */
export const choiceParts = (choice: Choice): readonly [key: string, value: string] =>
  choice.kind === "coordinate"
    ? [choice.axis, choice.value]
    : [overrideKey(choice.override), overrideValue(choice.override)];

/** What the terms of a command line can be about. */
export interface Known {
  readonly axes: GridAxes;
  readonly groups: Groups;
}

/**
 * `key=a,b` as the choices that it stands for. Of terms for one key the last one holds.
 *
 * @param many whether a term may have several choices
 */
export function readTerms(
  terms: readonly string[],
  known: Known,
  many: boolean,
): Result<readonly (readonly Choice[])[], readonly Failure[]> {
  const dimensions = new Map<string, readonly Choice[]>();
  const failures: Failure[] = [];
  for (const text of terms) {
    const term = parseTerm(text);
    const choices = term.ok ? readTerm(term.value, known) : term;
    if (!choices.ok) failures.push(choices.error);
    else if (!many && choices.value.length > 1) failures.push(several(text));
    else {
      const name = dimensionOf(choices.value[0]);
      dimensions.delete(name);
      dimensions.set(name, choices.value);
    }
  }
  return failures.length > 0 ? err(failures) : ok([...dimensions.values()]);
}

const dimensionOf = (choice: Choice | undefined): string =>
  choice?.kind === "override"
    ? overrideKey(choice.override).replace(/^[+~]+/, "")
    : (choice?.axis ?? "");

function readTerm(term: Term, known: Known): Result<readonly Choice[], Failure> {
  const { axes, groups } = known;
  const isGroup = Object.hasOwn(groups, term.key.group);
  const axis = term.sign === "" ? axisNamed(axes, term.name, isGroup) : null;
  if (axis !== null) return coordinates(term, axis, axes);
  if (!isGroup) return err(unknownKey(term, known));
  const found = new Map<string, Choice>();
  const choices = term.choices.length === 0 ? [null] : term.choices;
  for (const choice of choices.flatMap((item) => optionsLike(item, term, groups))) {
    const override = resolveOverride(term, choice, groups);
    if (!override.ok) return override;
    found.set(overrideText(override.value), { kind: "override", override: override.value });
  }
  return ok([...found.values()]);
}

function coordinates(
  { name, choices }: Term,
  axis: string,
  axes: GridAxes,
): Result<readonly Choice[], Failure> {
  const names = choices.flatMap((choice) => nameOfElement(choice) ?? []);
  if (names.length < choices.length)
    return err(usage(`${name} is an axis, and takes names or patterns`, `Write ${name}=a,b.`));
  const values = axisValues(axes, axis, names);
  return values.ok
    ? ok(values.value.map((value) => ({ kind: "coordinate", axis, value })))
    : values;
}

/** The options of a group that a pattern stands for; anything else stands for itself. */
function optionsLike(
  choice: Element | null,
  { key: { group, option, path } }: Term,
  groups: Groups,
): readonly (Element | null)[] {
  const text = choice === null ? null : nameOfElement(choice);
  if (text === null || option !== null || path.length > 0 || !/[*?]/.test(text)) return [choice];
  const options = Object.keys(groups[group] ?? {}).sort();
  const matches = options.filter(includeFilter([text]));
  return matches.length > 0
    ? matches.map((name) => ({ kind: "text", text: name, literal: true }))
    : [choice];
}

const several = (term: string): Failure => ({
  reason: "usage",
  message: `${term} has several values`,
  nextStep: `For one build each, write aqm sweep ${term}. A comma that belongs to a text is put in quotes.`,
});

function unknownKey({ name: key, key: { group } }: Term, { axes, groups }: Known): Failure {
  const names = [...axes.keys(), ...Object.keys(groups)];
  return {
    reason: "usage",
    message: `${key} is neither an axis of the targets nor a config`,
    nextStep:
      didYouMean(key, names) ??
      didYouMean(group, Object.keys(groups)) ??
      `Axes: ${[...axes.keys()].join(", ") || "none"}. Config groups: ${Object.keys(groups).join(", ") || "none"}.`,
  };
}

import { splitChoices } from "../../declare/choices.ts";
import {
  overrideText,
  parseAssignment,
  resolveOverride,
  type Assignment,
  type Groups,
  type Override,
} from "../../declare/override.ts";
import { includeFilter } from "../../graph/include.ts";
import { axisNamed, axisValues, type GridAxes } from "../../graph/sweep.ts";
import type { Failure } from "../../model/failure.ts";
import type { Json } from "../../model/json.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";

/** One value of a term: a coordinate of existing targets, or a change of a config. */
export type Choice =
  | {
      readonly kind: "coordinate";
      readonly key: string;
      readonly axis: string;
      readonly value: string;
    }
  | { readonly kind: "override"; readonly key: string; readonly override: Override };

export const choiceText = (choice: Choice): string =>
  choice.kind === "coordinate" ? `${choice.axis}=${choice.value}` : overrideText(choice.override);

/** What the terms of a command line can be about. */
export interface Known {
  readonly axes: GridAxes;
  readonly groups: Groups;
  readonly value: (text: string) => Result<Json, Failure>;
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
  for (const term of terms) {
    const assignment = parseAssignment(term);
    const choices = assignment.ok ? readTerm(assignment.value, known) : assignment;
    if (!choices.ok) failures.push(choices.error);
    else if (!many && choices.value.length > 1) failures.push(several(term));
    else {
      const [first] = choices.value;
      const name = first?.kind === "coordinate" ? first.axis : (first?.key ?? "");
      dimensions.delete(name);
      dimensions.set(name, choices.value);
    }
  }
  return failures.length > 0 ? err(failures) : ok([...dimensions.values()]);
}

function readTerm(assignment: Assignment, known: Known): Result<readonly Choice[], Failure> {
  const { key, text, adds } = assignment;
  const { axes, groups } = known;
  const choices = splitChoices(text);
  const group = /^[^./]*/.exec(key)?.[0] ?? "";
  const isGroup = Object.hasOwn(groups, group);
  const axis = adds ? null : axisNamed(axes, key, isGroup);
  if (axis !== null) {
    const values = axisValues(axes, axis, choices);
    return values.ok
      ? ok(values.value.map((value) => ({ kind: "coordinate", key, axis, value })))
      : values;
  }
  if (!isGroup) return err(unknownKey(key, known));
  const found = new Map<string, Choice>();
  for (const choice of choices.flatMap((item) => optionsLike(item, key, groups))) {
    const override = resolveOverride({ key, text: choice, adds }, groups, known.value);
    if (!override.ok) return override;
    const item = { kind: "override", key, override: override.value } as const;
    found.set(choiceText(item), item);
  }
  return ok([...found.values()]);
}

/** The options of a group that a pattern stands for; anything else stands for itself. */
function optionsLike(text: string, key: string, groups: Groups): readonly string[] {
  const options = Object.hasOwn(groups, key) ? Object.keys(groups[key] ?? {}) : [];
  if (!/[*?]/.test(text)) return [text];
  const matches = options.sort().filter(includeFilter([text]));
  return matches.length > 0 ? matches : [text];
}

const several = (term: string): Failure => ({
  reason: "usage",
  message: `${term} has several values`,
  nextStep: `For one build each, write aqm sweep ${term}. A comma that belongs to a text is put in quotes.`,
});

function unknownKey(key: string, { axes, groups }: Known): Failure {
  const names = [...axes.keys(), ...Object.keys(groups)];
  return {
    reason: "usage",
    message: `${key} is neither an axis of the targets nor a config`,
    nextStep:
      didYouMean(key, names) ??
      `Axes: ${[...axes.keys()].join(", ") || "none"}. Config groups: ${Object.keys(groups).join(", ") || "none"}.`,
  };
}

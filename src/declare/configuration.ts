import type { JsonObject } from "../model/json.ts";
import { didYouMean } from "../model/nearest-name.ts";
import { DeclarationError, declareHost } from "./host.ts";

/**
 * One config of a group: `configuration<Paper>("paper", "a4")` is the checked content
 * of `conf/paper/a4.yaml`. Only values that reach an action's params matter to
 * its key, so a comment or an unrelated key makes nothing stale.
 */
export function configuration<T extends object = JsonObject>(group: string, name: string): T {
  const members = configurationGroup(group);
  const wanted = declareHost().chosen?.[group] ?? name;
  const found = Object.hasOwn(members, wanted) ? members[wanted] : undefined;
  if (found === undefined) {
    throw new DeclarationError(
      "unknown_name",
      `There is no conf/${group}/${name}.yaml`,
      didYouMean(name, Object.keys(members)) ??
        `conf/${group} has: ${Object.keys(members).join(", ") || "nothing"}.`,
    );
  }
  return found as T;
}

/** The names in a group, sorted; the chosen one alone where `--set group=option` chose. */
export function configurationNames(group: string): readonly string[] {
  const names = Object.keys(configurationGroup(group)).sort();
  const chosen = declareHost().chosen?.[group];
  return chosen === undefined ? names : [chosen];
}

function configurationGroup(group: string): Readonly<Record<string, JsonObject>> {
  const groups = declareHost().configuration;
  const members = Object.hasOwn(groups, group) ? groups[group] : undefined;
  if (members === undefined) {
    throw new DeclarationError(
      "unknown_name",
      `There is no config group conf/${group}`,
      didYouMean(group, Object.keys(groups)) ?? `Groups: ${Object.keys(groups).join(", ")}.`,
    );
  }
  return members;
}

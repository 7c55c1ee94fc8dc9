import { applyOverrides, type Overridden } from "../../declare/override/apply.ts";
import { overrideText, type Groups, type Override } from "../../declare/override/override.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { fits } from "./bounded-check.ts";
import { schemaOf, shownConfig, type ConfigFolders } from "./config-groups.ts";
import { endlessCheck, groupCheck, schemaChecker } from "./configuration-reader.ts";
import { schemaProblem, tellingErrors } from "./schema-problem.ts";

/** The configs with the overrides in force, each changed one checked against its schema as a file is. */
export function overridden(
  folders: ConfigFolders,
  groups: Groups,
  overrides: readonly Override[],
): Result<Overridden, readonly Failure[]> {
  const applied = applyOverrides(groups, overrides);
  if (!applied.ok) return applied;
  const result = applied.value;
  const failures: Failure[] = [];
  const schemas = schemaChecker();
  const checks = new Map<string, ReturnType<typeof groupCheck>>();
  for (const { group, option } of result.changed) {
    const schema = schemaOf(folders, group);
    const check =
      checks.get(group) ?? groupCheck(schemas, folders, { name: group, schema }, failures);
    checks.set(group, check);
    const fitting = check === null || fits(check, result.groups[group]?.[option]);
    if (check === null || fitting === true) continue;
    if (fitting === null) {
      failures.push(endlessCheck(`conf/${group}/${option}.yaml`, shownConfig(folders, schema)));
      continue;
    }
    const set = overrides.filter((override) => override.group === group).map(overrideText);
    for (const error of tellingErrors(check.errors)) {
      const { message, hint } = schemaProblem(error);
      failures.push({
        reason: "config_invalid",
        message: `With ${set.join(" ")}, conf/${group}/${option}.yaml is not valid: ${message}`,
        nextStep: hint ?? `${shownConfig(folders, schema)} says what is allowed.`,
      });
    }
  }
  return failures.length > 0 ? err(failures) : ok(result);
}

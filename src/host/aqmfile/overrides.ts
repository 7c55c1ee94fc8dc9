import { LineCounter, parseDocument } from "yaml";
import {
  applyOverrides,
  overrideText,
  type Groups,
  type Overridden,
  type Override,
} from "../../declare/override.ts";
import type { Failure } from "../../model/failure.ts";
import type { Json } from "../../model/json.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { groupCheck, schemaChecker } from "./configuration-reader.ts";
import { yamlProblems } from "./configuration-values.ts";
import { schemaProblem } from "./schema-problem.ts";
import { errorText } from "../disk/disk.ts";

/** The value on the right side of `key=…`, typed as in a YAML file; nothing at all is an empty text. */
export function overrideValue(text: string): Result<Json, Failure> {
  if (text.trim() === "") return ok("");
  try {
    const document = parseDocument(text, { lineCounter: new LineCounter() });
    const [problem] = [
      ...[...document.errors, ...document.warnings].map(
        (error) => error.message.split("\n")[0] ?? "",
      ),
      ...yamlProblems(document).map(({ message, nextStep }) => `${message}. ${nextStep}`),
    ];
    return problem === undefined ? ok(document.toJS() as Json) : err(notAValue(text, problem));
  } catch (error) {
    return err(notAValue(text, errorText(error)));
  }
}

/** The configs with the overrides in force, each changed one checked against its schema as a file is. */
export function overridden(
  conf: string,
  groups: Groups,
  overrides: readonly Override[],
): Result<Overridden, readonly Failure[]> {
  const result = applyOverrides(groups, overrides);
  const failures: Failure[] = [];
  const schemas = schemaChecker();
  const checks = new Map<string, ReturnType<typeof groupCheck>>();
  for (const { group, option } of result.changed) {
    const check = checks.get(group) ?? groupCheck(schemas, conf, group, failures);
    checks.set(group, check);
    if (check === null || check(result.groups[group]?.[option])) continue;
    const set = overrides.filter((override) => override.group === group).map(overrideText);
    for (const error of check.errors ?? []) {
      const { message, hint } = schemaProblem(error);
      failures.push({
        reason: "config_invalid",
        message: `With ${set.join(" ")}, conf/${group}/${option}.yaml is not valid: ${message}`,
        nextStep: hint ?? `conf/schema/${group}.schema.json says what is allowed.`,
      });
    }
  }
  return failures.length > 0 ? err(failures) : ok(result);
}

const notAValue = (text: string, cause: string): Failure => ({
  reason: "usage",
  message: `${JSON.stringify(text)} is not a value`,
  cause,
  nextStep: "Write it as in a YAML file, in quotes if it is text.",
});

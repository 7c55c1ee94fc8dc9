import { isUtf8 } from "node:buffer";
import * as fs from "node:fs";
import { Ajv2020, type AnySchema, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { isMap, isNode, LineCounter, parseDocument, type Document } from "yaml";
import type { Failure } from "../../model/failure.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { fits } from "./bounded-check.ts";
import {
  configGroups,
  shownConfig,
  type ConfigFolders,
  type ConfigGroup,
} from "./config-groups.ts";
import { yamlProblems } from "./configuration-values.ts";
import { schemaProblem, tellingErrors } from "./schema-problem.ts";
import { errorText } from "../disk/disk.ts";
import { readFileBytes, readFileText } from "../disk/bounded-read.ts";

/**
 * What this process read last, by the texts of schema and file: while watching, an edit of one file is checked
 * without all the others.
 */
let checked: ReadonlyMap<string, JsonObject> = new Map();

/** Null for what is no text, or not there: then nothing is remembered. */
function textAt(path: string): string | null {
  try {
    const bytes = readFileBytes(path);
    return isUtf8(bytes) ? bytes.toString("utf8") : null;
  } catch {
    return null; // the reader of the file says so
  }
}

/** The slow half of `configuration.ts`: parses and checks every file, reporting all mistakes. */
export function readConfiguration(
  folders: ConfigFolders,
): Result<Record<string, Record<string, JsonObject>>, readonly Failure[]> {
  let checker: Ajv2020 | null = null;
  const ajv = (): Ajv2020 => (checker ??= schemaChecker());
  const right = new Map<string, JsonObject>();
  const groups: Record<string, Record<string, JsonObject>> = {};
  const failures: Failure[] = [];
  for (const group of configGroups(folders)) {
    const files = Object.entries(group.files).sort(([a], [b]) => (a < b ? -1 : 1));
    const members: Record<string, JsonObject> = {};
    groups[group.name] = members;
    const schema = textAt(group.schema);
    const texts = files.map(([, path]) => textAt(path));
    const keys = texts.map((text) => JSON.stringify([schema, text]));
    const before = failures.length;
    const check = keys.every((key) => checked.has(key))
      ? null
      : groupCheck(ajv(), folders, group, failures, schema);
    for (const [at, [file, path]] of files.entries()) {
      const known = checked.get(keys[at] ?? "");
      if (known !== undefined) {
        members[optionOf(file)] = structuredClone(known);
        continue;
      }
      const said = {
        file: shownConfig(folders, path),
        schema: shownConfig(folders, group.schema),
      };
      const value = readFile(path, said, check, failures, texts[at]);
      if (value !== null) members[optionOf(file)] = value;
    }
    failures.push(...takenNames(folders, group, members));
    if (failures.length > before || schema === null) continue;
    for (const [at, [file]] of files.entries()) {
      const value = members[optionOf(file)];
      const isKnown = value !== undefined && typeof texts[at] === "string";
      if (isKnown) right.set(keys[at] ?? "", structuredClone(value));
    }
  }
  checked = right;
  return failures.length > 0 ? err(failures) : ok(groups);
}

const optionOf = (file: string): string => file.replace(/\.yaml$/, "");

/** Two configs of a group with one `name`: a copy that kept it, of which the one called otherwise is told. */
function takenNames(
  folders: ConfigFolders,
  { files }: ConfigGroup,
  members: Readonly<Record<string, JsonObject>>,
): readonly Failure[] {
  const first = new Map<string, string>();
  return Object.entries(members).flatMap(([stem, { name }]): Failure[] => {
    if (typeof name !== "string") return [];
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, stem);
      return [];
    }
    const [copy, original] = stem === name ? [other, stem] : [stem, other];
    const shown = (option: string): string => shownConfig(folders, files[`${option}.yaml`] ?? "");
    return [
      {
        reason: "config_invalid",
        message: `name is ${name}, which ${shown(original)} has as well`,
        place: { file: shown(copy) },
        nextStep: "Give each of them a name of its own.",
      },
    ];
  });
}

const CHECKING = { allErrors: true, verbose: true, strict: true, strictRequired: false };

/** Whether a schema is one is checked by `dialect`. */
export const schemaChecker = (): Ajv2020 => new Ajv2020({ ...CHECKING, validateSchema: false });

/** Knows what a JSON Schema is. To learn that takes longer than to compile most schemas: once a process. */
let dialect: Ajv2020 | null = null;

function compiledBy(ajv: Ajv2020, schema: AnySchema | null): ValidateFunction {
  if (schema !== null) void (dialect ??= new Ajv2020(CHECKING)).validateSchema(schema, true);
  return ajv.compile(schema as AnySchema);
}

/**
 * The schema of a group, ready to check; null, and why, when there is none that can be used.
 *
 * @param text of the schema, if it was read before
 */
export function groupCheck(
  ajv: Ajv2020,
  folders: ConfigFolders,
  { name, schema: path }: Pick<ConfigGroup, "name" | "schema">,
  failures: Failure[],
  text: string | null = null,
): ValidateFunction | null {
  const file = shownConfig(folders, path);
  if (!fs.existsSync(path)) {
    failures.push({
      reason: "config_invalid",
      message: `The config group ${name} has no schema`,
      place: { file },
      nextStep: "Write a JSON Schema there; without one a mistyped key would go unseen.",
    });
    return null;
  }
  try {
    return compiledBy(ajv, JSON.parse(text ?? readFileText(path)) as AnySchema | null);
  } catch (error) {
    failures.push({
      reason: "config_invalid",
      message: `${file} is not a valid JSON Schema`,
      cause: error instanceof Error ? error.message : String(error),
      place: { file },
      nextStep: "Correct the schema.",
    });
    return null;
  }
}

function readFile(
  path: string,
  { file, schema }: { readonly file: string; readonly schema: string },
  check: ValidateFunction | null,
  failures: Failure[],
  known: string | null = null,
): JsonObject | null {
  const lines = new LineCounter();
  const text = known ?? readText(path, file, failures);
  if (text === null) return null;
  const document = parse(text, lines, file, failures);
  if (document === null) return null;
  for (const error of [...document.errors, ...document.warnings]) {
    const at = lines.linePos(error.pos[0]);
    failures.push({
      reason: "config_invalid",
      message: `${file} is not valid YAML: ${tooDeep(error.message.split("\n")[0] ?? "")}`,
      place: { file, line: at.line, column: at.col },
      nextStep: "Correct it and run the same command again.",
    });
  }
  if (document.errors.length > 0) return null;
  const problems = yamlProblems(document);
  for (const { message, nextStep, offset } of problems) {
    const at = lines.linePos(offset);
    const place = { file, line: at.line, column: at.col };
    failures.push({ reason: "config_invalid", message, place, nextStep });
  }
  if (problems.length > 0) return null;
  const value = document.toJS() as Json;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    failures.push({
      reason: "config_invalid",
      message: `${file} must hold keys and values`,
      place: { file, line: 1, column: 1 },
      nextStep: "Write at least one `key: value` line.",
    });
    return null;
  }
  const fitting = check === null || fits(check, value);
  if (check === null || fitting === true) return value as JsonObject;
  if (fitting === null) {
    failures.push({ ...endlessCheck(file, schema), place: { file } });
    return null;
  }
  for (const error of tellingErrors(check.errors))
    failures.push(schemaFailure(error, document, lines, file, schema));
  return null;
}

/** @param file of the config, as a person would name it, and its schema */
export const endlessCheck = (file: string, schema: string): Failure => ({
  reason: "config_invalid",
  message: `${file} cannot be checked against its schema: that takes more than five seconds`,
  cause: "a pattern with a repetition in a repetition, as ^(a+)+$, tries every way to fit",
  nextStep: `Write the pattern of ${schema} without it.`,
});

function readText(path: string, file: string, failures: Failure[]): string | null {
  try {
    const bytes = readFileBytes(path);
    if (isUtf8(bytes)) return bytes.toString("utf8");
    failures.push(unreadable(file, "it is not UTF-8 text"));
  } catch (error) {
    failures.push(unreadable(file, errorText(error)));
  }
  return null;
}

/** Nesting without end makes the parser throw. */
function parse(
  text: string,
  lines: LineCounter,
  file: string,
  failures: Failure[],
): Document.Parsed | null {
  try {
    return parseDocument(text, { lineCounter: lines });
  } catch (error) {
    failures.push(unreadable(file, tooDeep(errorText(error))));
    return null;
  }
}

const tooDeep = (cause: string): string =>
  cause.startsWith("Maximum call stack") ? "it is nested deeper than can be read" : cause;

const unreadable = (file: string, cause: string): Failure => ({
  reason: "config_invalid",
  message: `${file} cannot be read`,
  cause,
  place: { file },
  nextStep: "Correct it and run the same command again.",
});

function schemaFailure(
  error: ErrorObject,
  document: Document,
  lines: LineCounter,
  file: string,
  schema: string,
): Failure {
  const { path, extra, message, hint } = schemaProblem(error);
  const at = lines.linePos(
    extra === undefined ? offsetOf(document, path) : keyOffset(document, path, extra),
  );
  return {
    reason: "config_invalid",
    message,
    place: { file, line: at.line, column: at.col },
    nextStep: hint ?? `${schema} says what is allowed.`,
  };
}

/** Where a key starts in the text. */
function keyOffset(document: Document, path: readonly string[], key: string): number {
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(map) ? map.items.find((item) => String(item.key) === key) : undefined;
  const range = isNode(pair?.key) ? pair.key.range : undefined;
  return range?.[0] ?? offsetOf(document, path);
}

/** Where the value at a path starts, or what encloses it when there is none. */
function offsetOf(document: Document, path: readonly string[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number] } | undefined;
    if (node?.range !== undefined) return node.range[0];
  }
  return 0;
}

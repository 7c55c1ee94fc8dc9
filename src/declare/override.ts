import { digestOfBytes } from "../model/digest.ts";
import type { Failure } from "../model/failure.ts";
import { canonicalJson, type Json, type JsonObject } from "../model/json.ts";
import { didYouMean } from "../model/nearest-name.ts";
import { err, ok, type Result } from "../model/result.ts";

/** Every config: group → option → content. */
export type Groups = Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;

/** `key=text` as it is written, before anybody knows what it means. */
export interface Assignment {
  readonly key: string;
  readonly text: string;
  /** Written with a `+`: the key need not be there yet. */
  readonly adds: boolean;
}

/** One changed config value, or another option for a group. */
export type Override = ChosenOption | ChangedValue;

export interface ChosenOption {
  readonly kind: "option";
  readonly group: string;
  readonly option: string;
}

export interface ChangedValue {
  readonly kind: "value";
  readonly group: string;
  /** The only option that it is about; null: every option of the group that has the key. */
  readonly option: string | null;
  readonly path: readonly string[];
  readonly value: Json;
  readonly adds: boolean;
}

export function parseAssignment(text: string): Result<Assignment, Failure> {
  const match = /^(\+?)([^=+~\s][^=]*)=(.*)$/s.exec(text);
  if (match !== null) {
    const [, plus, key = "", value = ""] = match;
    return ok({ key: key.trim(), text: value, adds: plus === "+" });
  }
  const removes = text.startsWith("~");
  return err({
    reason: "usage",
    message: `${JSON.stringify(text)} is not an override`,
    nextStep: removes
      ? "A key cannot be removed; set it to another value."
      : "Write group.key=value, or group=option.",
  });
}

/** What an assignment changes; `value` reads the YAML of its right side. */
export function resolveOverride(
  { key, text, adds }: Assignment,
  groups: Groups,
  value: (text: string) => Result<Json, Failure>,
): Result<Override, Failure> {
  const [place = "", ...path] = key.split(".");
  const [group = "", option = null] = place.split("/", 2);
  const options = Object.hasOwn(groups, group) ? groups[group] : undefined;
  if (options === undefined) {
    return unknown(`There is no config group ${group}`, group, Object.keys(groups), "Groups");
  }
  if (path.length === 0) {
    const name = text.replace(/^(["'])(.*)\1$/, "$2");
    if (option === null && Object.hasOwn(options, name)) {
      return ok({ kind: "option", group, option: name });
    }
    return option === null
      ? unknownOption(group, name, options)
      : err(usage(`${key}=… names no key`, `Write ${key}.key=value.`));
  }
  if (option !== null && !Object.hasOwn(options, option)) {
    return unknownOption(group, option, options);
  }
  const members = option === null ? Object.values(options) : [options[option] ?? {}];
  if (!adds && !members.some((member) => has(member, path))) {
    return unknownKey(key, group, members, path);
  }
  const parsed = value(text);
  return parsed.ok ? ok({ kind: "value", group, option, path, value: parsed.value, adds }) : parsed;
}

export interface Overridden {
  readonly groups: Groups;
  readonly chosen: Readonly<Record<string, string>>;
  /** What has to be checked against its schema again. */
  readonly changed: readonly { readonly group: string; readonly option: string }[];
}

/** The configs with the overrides in force. A more specific one is applied after a more general one. */
export function applyOverrides(groups: Groups, overrides: readonly Override[]): Overridden {
  const result: Record<string, Record<string, JsonObject>> = {};
  for (const [group, options] of Object.entries(groups)) result[group] = { ...options };
  const chosen: Record<string, string> = {};
  const changed = new Map<string, { readonly group: string; readonly option: string }>();
  for (const override of canonicalOrder(overrides)) {
    const { group } = override;
    if (override.kind === "option") {
      chosen[group] = override.option;
      continue;
    }
    const options = result[group] ?? {};
    for (const [option, member] of Object.entries(options)) {
      if (override.option !== null && option !== override.option) continue;
      if (!override.adds && !has(member, override.path)) continue;
      options[option] = withValue(member, override.path, override.value) as JsonObject;
      changed.set(`${group}/${option}`, { group, option });
    }
  }
  return { groups: result, chosen, changed: [...changed.values()] };
}

/** The last one for a key wins, as on any command line; their order says nothing else. */
export function canonicalOrder(overrides: readonly Override[]): readonly Override[] {
  const last = new Map<string, Override>();
  for (const override of overrides) last.set(keyOf(override), override);
  return [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, override]) => override);
}

/** `paper.width=210`: how an override is shown. */
export const overrideText = (override: Override): string =>
  `${keyOf(override)}=${override.kind === "option" ? override.option : valueText(override.value)}`;

/**
 * The folder of a variant: readable, the same for the same overrides, another one for others. What a file
 * name cannot hold, or a disk might not tell apart, is told apart by a digest.
 */
export function variantName(overrides: readonly Override[]): string {
  const ordered = canonicalOrder(overrides);
  const text = ordered.map(overrideText).join(",");
  const plain = ordered.every((override) => PLAIN.test(overrideText(override)));
  const sign = ordered.some((override) => override.kind === "value" && override.adds) ? "+" : "";
  if (plain && sign === "" && text.length <= LONGEST) return text;
  const readable = text.replace(/[^\w.=,+-]+/g, "_").slice(0, LONGEST);
  return `${readable}~${digestOfBytes(`${sign}${canonicalJson(ordered as unknown as Json)}`).slice(7, 17)}`;
}

/** Lower case only: `A` and `a` are one name on many a disk. */
const PLAIN = /^[a-z0-9_][a-z0-9_.-]*=[a-z0-9_.-]+$/;
const LONGEST = 100;

const keyOf = (override: Override): string =>
  override.kind === "option"
    ? override.group
    : `${override.group}${override.option === null ? "" : `/${override.option}`}.${override.path.join(".")}`;

/** Plain text only where nothing else is written the same way. */
const valueText = (value: Json): string =>
  typeof value === "string" &&
  /^[a-z_][a-z0-9_.-]*$/.test(value) &&
  !/^(true|false|null)$/.test(value)
    ? value
    : canonicalJson(value);

function has(value: Json | undefined, path: readonly string[]): boolean {
  const [first, ...rest] = path;
  if (first === undefined) return value !== undefined;
  return isContainer(value) && at(value, first) !== undefined && has(at(value, first), rest);
}

function withValue(value: Json | undefined, path: readonly string[], leaf: Json): Json {
  const [first, ...rest] = path;
  if (first === undefined) return leaf;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    return list.map((item, index) =>
      String(index) === first ? withValue(item, rest, leaf) : item,
    );
  }
  const object = isContainer(value) ? (value as JsonObject) : {};
  return { ...object, [first]: withValue(at(object, first), rest, leaf) };
}

const isContainer = (value: Json | undefined): value is JsonObject | readonly Json[] =>
  typeof value === "object" && value !== null;

const at = (value: JsonObject | readonly Json[], key: string): Json | undefined =>
  Object.hasOwn(value, key) && !(Array.isArray(value) && key === "length")
    ? (value as JsonObject)[key]
    : undefined;

function unknownKey(
  key: string,
  group: string,
  members: readonly JsonObject[],
  path: readonly string[],
): Result<never, Failure> {
  // The names where the path goes astray.
  let level: readonly Json[] = members;
  for (const part of path) {
    const inside = level.flatMap((value) =>
      has(value, [part]) ? [at(value as JsonObject, part) ?? null] : [],
    );
    const names = new Set(level.filter(isContainer).flatMap((value) => Object.keys(value)));
    if (inside.length === 0) {
      const message = `conf/${group} has no key ${key.slice(group.length + 1)}`;
      const near = didYouMean(part, names);
      const known = [...names].join(", ") || "nothing";
      return err(usage(message, near ?? `It has: ${known}. +${key}=… adds a key.`));
    }
    level = inside;
  }
  throw new Error(`${key} is there`);
}

const unknownOption = (group: string, name: string, options: object): Result<never, Failure> =>
  unknown(
    `There is no conf/${group}/${name}.yaml`,
    name,
    Object.keys(options),
    `conf/${group} has`,
  );

const unknown = (
  message: string,
  name: string,
  names: readonly string[],
  label: string,
): Result<never, Failure> =>
  err(usage(message, didYouMean(name, names) ?? `${label}: ${names.join(", ") || "nothing"}.`));

const usage = (message: string, nextStep: string): Failure => ({
  reason: "usage",
  message,
  nextStep,
});

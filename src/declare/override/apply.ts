import type { Failure } from "../../model/failure.ts";
import { canonicalJson, type Json, type JsonObject } from "../../model/json.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { usage } from "./element.ts";
import { keyText } from "./print.ts";
import {
  overrideKey,
  canonicalOrder,
  overrideText,
  type ChangedValue,
  type Groups,
  type Override,
  type RemovedValue,
} from "./override.ts";
import { added, changed, has, removed, valueAt, type Lost } from "./edit.ts";

export interface Overridden {
  readonly groups: Groups;
  readonly chosen: Readonly<Record<string, string>>;
  /** What has to be checked against its schema again. */
  readonly changed: readonly { readonly group: string; readonly option: string }[];
}

/**
 * The configs with the overrides in force. A more general one is applied before a more specific one. An override
 * that would do nothing, or only a part of what it says, is a failure.
 */
export function applyOverrides(
  groups: Groups,
  overrides: readonly Override[],
): Result<Overridden, readonly Failure[]> {
  const result = new Map(Object.entries(groups).map(([group, options]) => [group, { ...options }]));
  const chosen: Record<string, string> = {};
  const touched = new Map<string, { readonly group: string; readonly option: string }>();
  const failures: Failure[] = [];
  for (const override of canonicalOrder(overrides)) {
    const { group } = override;
    if (override.kind === "option") {
      chosen[group] = override.option;
      continue;
    }
    const options: Record<string, JsonObject> = result.get(group) ?? {};
    const members = Object.entries(options).filter(
      ([option]) => override.option === null || option === override.option,
    );
    const edits = override.kind === "value" ? set(override, members) : remove(override, members);
    if (!edits.ok) failures.push(edits.error);
    else {
      for (const [option, member] of edits.value) {
        options[option] = member;
        touched.set(`${group}/${option}`, { group, option });
      }
    }
  }
  return failures.length > 0
    ? err(failures)
    : ok({ groups: Object.fromEntries(result), chosen, changed: [...touched.values()] });
}

/** An option of the group and its content. */
type Member = readonly [option: string, content: JsonObject];

function set(
  override: ChangedValue,
  members: readonly Member[],
): Result<readonly Member[], Failure> {
  const { group, path, value, adds } = override;
  if (adds) {
    const edits: Member[] = [];
    for (const [option, member] of members) {
      const edit = added(member, path, value, override.forces === true);
      if (!("value" in edit)) {
        const cause = `conf/${group}/${option}.yaml: ${edit.because}`;
        return err(usage(`${overrideText(override)} cannot be set`, edit.instead, cause));
      }
      edits.push([option, edit.value as JsonObject]);
    }
    return ok(edits);
  }
  const having = members.filter(([, member]) => has(member, path));
  if (having.length === 0) return err(unknownKey(override, members, path));
  // A key of a mapping that one option lacks may be in another one, as it may for a key that is written out.
  const lost = new Map<string, Lost & { options: number }>();
  const edits = having.map(([option, member]): Member => {
    const edit = changed(member, path, value);
    for (const one of edit.lost) {
      const key = canonicalJson(one.path);
      lost.set(key, { ...one, options: (lost.get(key)?.options ?? 0) + 1 });
    }
    return [option, edit.value as JsonObject];
  });
  const nowhere = [...lost.values()].find(({ options }) => options === having.length);
  if (nowhere === undefined) return ok(edits);
  if (nowhere.because === "empty") {
    const cause = "a mapping is merged into the one that is there, and {} adds nothing to it";
    const advice = `~${keyText({ ...override, path: nowhere.path })}.key removes a key.`;
    return err(usage(`${overrideText(override)} would change nothing`, advice, cause));
  }
  return err(unknownKey(override, members, nowhere.path));
}

function remove(
  override: RemovedValue,
  members: readonly Member[],
): Result<readonly Member[], Failure> {
  const { path, expected, group } = override;
  const having = members.filter(([, member]) => has(member, path));
  if (having.length === 0) return err(unknownKey(override, members, path));
  const edits: Member[] = [];
  for (const [option, member] of having) {
    const file = `conf/${group}/${option}.yaml`;
    const value = valueAt(member, path) ?? null;
    if (expected !== undefined && canonicalJson(value) !== canonicalJson(expected)) {
      const cause = `in ${file} it is ${canonicalJson(value)}`;
      const advice = `Write ${overrideKey(override)} to remove it with any value.`;
      return err(usage(`${overrideText(override)} is not there`, advice, cause));
    }
    const edit = removed(member, path);
    if (edit === null) {
      const advice = "Write the list without it: key=[…].";
      return err(usage(`${overrideText(override)} is an item of a list`, advice, file));
    }
    edits.push([option, edit as JsonObject]);
  }
  return ok(edits);
}

function unknownKey(
  override: ChangedValue | RemovedValue,
  members: readonly Member[],
  path: readonly string[],
): Failure {
  // The names where the path goes astray.
  let level: readonly Json[] = members.map(([, member]) => member);
  for (const [at, part] of path.entries()) {
    const inside = level.flatMap((value) =>
      has(value, [part]) ? [valueAt(value, [part]) ?? null] : [],
    );
    if (inside.length === 0 || at === path.length - 1) {
      const names = new Set(
        level.flatMap((value) =>
          typeof value === "object" && value !== null ? Object.keys(value) : [],
        ),
      );
      const option = override.option === null ? "" : `/${override.option}.yaml`;
      const message = `conf/${override.group}${option} has no key ${path.join(".")}`;
      const known = [...names].join(", ") || "nothing";
      const adds = override.kind === "value" ? ` +${overrideText(override)} adds a key.` : "";
      const near = /^\d+$/.test(part) ? undefined : didYouMean(part, names);
      return usage(message, near ?? `It has: ${known}.${adds}`);
    }
    level = inside;
  }
  throw new Error(`${overrideText(override)} names no key`);
}

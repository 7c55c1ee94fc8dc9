import { digestOfBytes } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { canonicalJson, type Json, type JsonObject } from "../../model/json.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { usage, type Element, type Term } from "./element.ts";
import { keyText, textText, valueText } from "./print.ts";
import { nameOfElement, valueOfElement } from "./value.ts";

/** Every config: group → option → content. */
export type Groups = Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;

/** One changed or removed config value, or another option for a group. */
export type Override = ChosenOption | ChangedValue | RemovedValue;

export interface ChosenOption {
  readonly kind: "option";
  readonly group: string;
  readonly option: string;
}

/** Where in the configs a value is. */
interface Place {
  readonly group: string;
  /** The only option that it is about; null: every option of the group that has the key. */
  readonly option: string | null;
  readonly path: readonly string[];
}

export interface ChangedValue extends Place {
  readonly kind: "value";
  readonly value: Json;
  /** Written with a `+`: the key is not there yet. */
  readonly adds: boolean;
  /** Written with `++`: the key may be there or not. */
  readonly forces?: true;
}

/** Written with a `~`. */
export interface RemovedValue extends Place {
  readonly kind: "removal";
  /** The key is removed only where it has this value. */
  readonly expected?: Json;
}

/** What a term with this one value, or none, changes. */
export function resolveOverride(
  { sign, key, name }: Omit<Term, "choices">,
  element: Element | null,
  groups: Groups,
): Result<Override, Failure> {
  const { group, option, path } = key;
  const options = Object.hasOwn(groups, group) ? groups[group] : undefined;
  if (options === undefined) {
    return unknown(`There is no config group ${group}`, group, Object.keys(groups), "Groups");
  }
  if (path.length === 0) {
    if (option !== null) return err(usage(`${name}=… names no key`, `Write ${name}.key=value.`));
    if (sign !== "")
      return err(
        usage(`${sign}${name} names no key`, `Write ${sign}${name}.key, or ${name}=option.`),
      );
    const chosen = element === null ? null : nameOfElement(element);
    if (chosen !== null && Object.hasOwn(options, chosen))
      return ok({ kind: "option", group, option: chosen });
    return unknownOption(group, chosen ?? "…", options);
  }
  if (option !== null && !Object.hasOwn(options, option)) {
    return unknownOption(group, option, options);
  }
  const place = { group, option, path };
  const value = element === null ? null : valueOfElement(element);
  if (value?.ok === false) {
    return err({ ...value.error, message: `In ${sign}${name}=…: ${value.error.message}` });
  }
  if (sign === "~") {
    return ok({ kind: "removal", ...place, ...(value === null ? {} : { expected: value.value }) });
  }
  return ok({
    kind: "value",
    ...place,
    value: value?.value ?? null,
    adds: sign !== "",
    ...(sign === "++" ? { forces: true as const } : {}),
  });
}

/**
 * The last one for a key wins, as on any command line; their order says nothing else. What is more general comes
 * first, and items of a list come by their numbers, so that several can be added to one.
 */
export function canonicalOrder(overrides: readonly Override[]): readonly Override[] {
  const last = new Map<string, Override>();
  for (const override of overrides) last.set(keyOf(override), override);
  return [...last.values()].sort((a, b) => byParts(partsOf(a), partsOf(b)));
}

/** Without an option before every option, as `group.key` is more general than `group/option.key`. */
const partsOf = (override: Override): readonly string[] =>
  override.kind === "option"
    ? [override.group]
    : [override.group, override.option ?? "", ...override.path];

function byParts(a: readonly string[], b: readonly string[]): number {
  for (const [at, part] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (part === other) continue;
    const numbers = /^\d+$/.test(part) && /^\d+$/.test(other);
    if (numbers && Number(part) !== Number(other)) return Number(part) - Number(other);
    return part < other ? -1 : 1;
  }
  return a.length - b.length;
}

/** `+paper.height`: the left side of an override, as it can be typed. */
export const overrideKey = (override: Override): string => `${signOf(override)}${keyOf(override)}`;

/** The right side; empty if a key is removed without regard to its value. */
export function overrideValue(override: Override): string {
  if (override.kind === "option") return textText(override.option);
  const value = override.kind === "value" ? override.value : override.expected;
  return value === undefined ? "" : valueText(value);
}

/** `paper.width=210`: how an override is shown, and can be typed. */
export const overrideText = (override: Override): string =>
  override.kind === "removal" && override.expected === undefined
    ? overrideKey(override)
    : `${overrideKey(override)}=${overrideValue(override)}`;

/**
 * The folder of a variant: readable, the same for the same overrides, another one for others. What a file
 * name cannot hold, or a disk might not tell apart, is told apart by a digest.
 */
export function variantName(overrides: readonly Override[]): string {
  const ordered = canonicalOrder(overrides);
  const texts = ordered.map((override) => `${keyOf(override)}=${overrideValue(override)}`);
  const text = texts.join(",");
  const plain = ordered.every((one, at) => signOf(one) === "" && PLAIN.test(texts[at] ?? ""));
  if (plain && text.length <= LONGEST) return text;
  const readable = text.replace(/[^\w.=,+-]+/g, "_").slice(0, LONGEST);
  const sign = ordered.some((override) => signOf(override) !== "") ? "+" : "";
  return `${readable}~${digestOfBytes(`${sign}${canonicalJson(ordered as unknown as Json)}`).slice(7, 17)}`;
}

/** Lower case only: `A` and `a` are one name on many a disk. */
const PLAIN = /^[a-z0-9_][a-z0-9_.-]*=[a-z0-9_.-]+$/;
const LONGEST = 100;

const signOf = (override: Override): Term["sign"] => {
  if (override.kind === "option") return "";
  if (override.kind === "removal") return "~";
  return override.forces === true ? "++" : override.adds ? "+" : "";
};

const keyOf = (override: Override): string =>
  override.kind === "option"
    ? keyText({ group: override.group, option: null, path: [] })
    : keyText(override);

export const unknownOption = (
  group: string,
  name: string,
  options: object,
): Result<never, Failure> =>
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

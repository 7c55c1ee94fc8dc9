import fc from "fast-check";
import { readTerms, type Choice } from "../../../src/cli/language/terms.ts";
import { applyOverrides, type Overridden } from "../../../src/declare/override/apply.ts";
import type { Groups, Override } from "../../../src/declare/override/override.ts";
import type { Failure } from "../../../src/model/failure.ts";
import type { Json } from "../../../src/model/json.ts";
import { errorOf, only, valueOf } from "./results.ts";

export const GROUPS: Groups = {
  style: {
    plain: { loud: true, deep: { list: [1, 2], text: "a" } },
    other: { loud: false, deep: { list: [], text: "b" } },
    bare: { loud: false },
  },
  paper: { a4: { width: 210 }, "a5.old": { width: 148 } },
};
const KNOWN = { axes: new Map([["tone", new Set(["calm", "loud", "low"])]]), groups: GROUPS };
export const choices = (text: string): readonly Choice[] =>
  only(valueOf(readTerms([text], KNOWN, true)));
/** The one override that a text stands for. */
export const resolve = (text: string): Override => {
  const choice = only(choices(text));
  if (choice.kind !== "override") throw new Error(`${text} is a coordinate`);
  return choice.override;
};
export const result = (...texts: readonly string[]): Overridden =>
  valueOf(applyOverrides(GROUPS, texts.map(resolve)));
export const style = (...texts: readonly string[]): unknown => result(...texts).groups["style"];
/** What a person reads when an override is refused. */
export const refusal = (...texts: readonly string[]): string => {
  const terms = readTerms(texts, KNOWN, true);
  if (!terms.ok) return sentence(only(terms.error));
  const overrides = terms.value.map((dimension) => only(dimension));
  return sentence(
    only(
      errorOf(
        applyOverrides(
          GROUPS,
          overrides.flatMap((one) => (one.kind === "override" ? [one.override] : [])),
        ),
      ),
    ),
  );
};
const sentence = ({ message, cause, nextStep }: Failure): string =>
  [message, cause, nextStep].filter((part) => part !== undefined).join(" | ");

/** Any value that a config can hold. */
export const value = fc
  .jsonValue({ maxDepth: 3 })
  .filter((json) => !/"(?:__proto__|constructor)":/.test(JSON.stringify(json)))
  .map((json) => JSON.parse(JSON.stringify(json)) as Json);
/** Any part of a key. */
export const part = fc
  .string({ minLength: 1, maxLength: 5, unit: "binary" })
  .filter((text) => text.isWellFormed() && !/^(?:__proto__|constructor)$/.test(text));

import type { Failure } from "../../model/failure.ts";
import { isReservedKey } from "../../model/reserved-key.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { parseElements } from "./element-parser.ts";
import { usage, type Element, type Key, type Term } from "./element.ts";
import { choicesOf } from "./sweeps.ts";
import { reserved } from "./value.ts";

/**
 * One word of a command line, `key=values` with a sign before it, as in Hydra:
 * none changes what is there, `+` adds, `++` does either, `~` removes.
 */
export function parseTerm(text: string): Result<Term, Failure> {
  const sign = (/^(?:\+\+?|~)/.exec(text)?.[0] ?? "") as Term["sign"];
  const rest = text.slice(sign.length);
  const equals = endOfKey(rest);
  const name = trimmed(rest.slice(0, equals));
  if (name === "" || (sign !== "~" && equals === rest.length) || /^[+~]/.test(name)) {
    const cause = `${JSON.stringify(text)} is not an override`;
    return err(usage(cause, "Write group.key=value, or group=option."));
  }
  const key = parseKey(name);
  if (!key.ok) return key;
  if (equals === rest.length) return ok({ sign, key: key.value, name, choices: [] });
  const elements = parseElements(rest.slice(equals + 1));
  if (!elements.ok) return err(within(elements.error, text));
  const choices = readChoices(elements.value);
  return choices.ok
    ? ok({ sign, key: key.value, name, choices: choices.value })
    : err(within(choices.error, text));
}

/** A function stands for several values only where it is the whole value. */
function readChoices(elements: readonly Element[]): Result<readonly Element[], Failure> {
  const [only] = elements;
  if (elements.length === 1 && only !== undefined) return choicesOf(only);
  const call = elements.find(({ kind }) => kind === "call");
  if (call === undefined) return ok(elements);
  const known = choicesOf(call);
  return known.ok
    ? err(
        usage(
          "A function cannot be one of several values",
          "Write choice(…) or range(…) alone, or every value.",
        ),
      )
    : known;
}

const within = (failure: Failure, term: string): Failure => ({
  ...failure,
  message: `In ${term}: ${failure.message}`,
});

function endOfKey(text: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "=") return at;
  }
  return text.length;
}

/** Without blanks around it, but for one that a backslash keeps. */
function trimmed(text: string): string {
  const start = text.replace(/^[ \t]+/, "");
  const end = start.replace(/[ \t]+$/, "");
  const slashes = /\\*$/.exec(end)?.[0].length ?? 0;
  return slashes % 2 === 1 && end.length < start.length ? start.slice(0, end.length + 1) : end;
}

/** `group.a.b` or `group/option.a.b`; behind the first dot a slash is a letter. */
function parseKey(name: string): Result<Key, Failure> {
  const parts = [""];
  let slashes = 0;
  const letters = name.matchAll(/\\([\\.=/+~ \t])|([^])/gu);
  for (const [, kept, letter = ""] of letters) {
    const isSlash = letter === "/" && parts.length === slashes + 1;
    if (kept === undefined && (letter === "." || isSlash)) {
      parts.push("");
      if (isSlash) slashes += 1;
    } else parts.push(`${parts.pop() ?? ""}${kept ?? letter}`);
  }
  if (slashes > 1) return err(usage(`${name} names two options`, "Write group/option.key=value."));
  if (parts.includes(""))
    return err(usage(`${name} has an empty part`, "A dot that belongs to a name is written \\."));
  const born = parts.find(isReservedKey);
  if (born !== undefined) return err(reserved(born));
  const [group = "", ...rest] = parts;
  return ok({ group, option: slashes === 0 ? null : (rest[0] ?? ""), path: rest.slice(slashes) });
}

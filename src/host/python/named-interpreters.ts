import type { Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";

/** The interpreter that the user named for an environment; undefined where aqm makes the environment. */
export type NamedInterpreters = (environment: string) => string | undefined;

export const NO_INTERPRETERS: NamedInterpreters = () => undefined;

/** `NAME=PATH`; a path that has an equals sign has a slash before it, or is written with `./`. */
const ONE = /^([\w-]+)=(.*)$/s;

/**
 * Reads what `--python` was given, each time it was: `PATH` for all environments, `NAME=PATH` for one. The
 * one that is named itself goes first; of two for the same the last one counts.
 *
 * @param texts in the order in which they were given
 * @param known names of the environments that there are
 * @param source where they were given, for messages
 */
export function namedInterpreters(
  texts: readonly string[],
  known: readonly string[],
  source = "--python",
): Result<NamedInterpreters, Failure> {
  let all: string | undefined;
  const own = new Map<string, string>();
  for (const text of texts) {
    const [, name, path = text] = ONE.exec(text) ?? [];
    if (path === "")
      return wrong(`${source} ${text} names no interpreter`, `Write a path after ${text}.`);
    if (name === undefined) all = path;
    else if (known.includes(name)) own.set(name, path);
    else {
      const next = didYouMean(name, known) ?? `It declares: ${known.join(", ")}.`;
      return wrong(`${source} ${text}: the Aqmfile uses no environment ${name}`, next);
    }
  }
  return ok((environment) => own.get(environment) ?? all);
}

/** `AQM_PYTHON` is one path for all, or several `NAME=PATH` with commas between them. */
export const interpretersIn = (variable: string): readonly string[] =>
  variable === "" ? [] : ONE.test(variable) ? variable.split(/,(?=[\w-]+=)/) : [variable];

const wrong = (message: string, nextStep: string): Result<never, Failure> =>
  err({ reason: "usage", message, nextStep });

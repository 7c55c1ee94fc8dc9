import { join } from "node:path";
import type { Expectation } from "../../model/declaration.ts";
import type { Digest } from "../../model/digest.ts";
import type { Unfit } from "../../plan/knowledge.ts";
import { errorText } from "../disk/disk.ts";
import { statIfThere } from "../disk/stat.ts";
import { readFileBytes } from "../disk/bounded-read.ts";

/** What is asked for stands in a settings file; a larger file is none. */
const LARGEST = 16 * 1024 * 1024;

/** A JSON file's value, why there is none, or null when nothing is there. */
type Found = { readonly value: unknown } | { readonly error: string } | null;

interface Given {
  readonly path: string;
  readonly expect?: readonly Expectation[];
}

/** Compares the content of inputs with what is expected. The answer for known content is remembered. */
export class Expectations {
  readonly #root: string;
  readonly #known = new Map<string, Unfit | null>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * The first expectation that is not met, or null.
   *
   * @param digest of the input, which covers every file that is looked at
   */
  unmet({ path, expect = [] }: Given, digest: Digest): Unfit | null {
    const name = JSON.stringify([path, digest, expect]);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    let answer: Unfit | null = null;
    for (const each of expect) {
      const problem = problemOf(each, readJson(join(this.#root, path, each.file)));
      if (problem === null) continue;
      const file = `${path}/${each.file}`;
      answer = { state: "unfit", digest, path: file, problem, nextStep: each.otherwise };
      break;
    }
    this.#known.set(name, answer);
    return answer;
  }
}

function problemOf({ at, oneOf }: Expectation, found: Found): string | null {
  if (found === null) return oneOf === undefined ? null : "is not there";
  if (at === undefined && oneOf === undefined) return "is there";
  if ("error" in found) return `cannot be read: ${found.error}`;
  const value = (at ?? []).reduce<unknown>(inner, found.value);
  const name = at === undefined ? "the value" : at.join(".");
  if (oneOf === undefined) return value === undefined || value === null ? null : `has ${name}`;
  if (typeof value === "string" && oneOf.includes(value)) return null;
  const wanted = oneOf.map((each) => JSON.stringify(each)).join(" or ");
  return value === undefined
    ? `has no ${name}, which should be ${wanted}`
    : `has ${name} ${JSON.stringify(value).slice(0, 80)}, not ${wanted}`;
}

const inner = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;

function readJson(absolute: string): Found {
  try {
    const stat = statIfThere(absolute);
    if (stat === undefined) return null;
    if (!stat.isFile()) return { error: "it is no file" };
    if (stat.size > LARGEST) return { error: `it has ${String(stat.size)} bytes` };
    return { value: JSON.parse(readFileBytes(absolute, LARGEST).toString("utf8")) as unknown };
  } catch (error) {
    return { error: errorText(error) };
  }
}

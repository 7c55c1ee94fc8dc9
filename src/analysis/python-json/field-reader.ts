import type { AnalysisFailure, AnalysisFailureReason } from "../result/result.ts";
import { isPyList, isPyObject, numericValue, type PyJson, type PyObject } from "./value.ts";

/**
 * Reads the fields of a JSON object with narrow checks.
 *
 * A getter always returns a value of its type: where the field is wrong it notes
 * the problem and returns a stand-in. The reading code stays flat, and its last
 * step is to look whether any problem was noted, and to return that instead.
 */
export class FieldReader {
  readonly #object: PyObject;
  readonly #where: string;
  readonly #problems: AnalysisFailure[];

  constructor(value: PyJson | undefined, where: string, problems: AnalysisFailure[]) {
    this.#where = where;
    this.#problems = problems;
    if (isPyObject(value)) {
      this.#object = value;
    } else {
      this.#object = new Map();
      this.problem("wrong_structure", where, "is not an object");
    }
  }

  /** The first problem noted by this reader or any reader that shares its list. */
  get firstProblem(): AnalysisFailure | undefined {
    return this.#problems[0];
  }

  /** The object itself, verbatim. */
  get verbatim(): PyObject {
    return this.#object;
  }

  has(key: string): boolean {
    return this.#object.has(key);
  }

  string(key: string): string {
    const value = this.#object.get(key);
    return typeof value === "string" ? value : this.#wrong(key, "a string", "");
  }

  boolean(key: string): boolean {
    const value = this.#object.get(key);
    return typeof value === "boolean" ? value : this.#wrong(key, "true or false", false);
  }

  /** An integer literal, at least `minimum`. */
  integer(key: string, minimum: number): number {
    const value = this.#object.get(key);
    if (typeof value === "number" && value >= minimum) return value;
    return this.#wrong(key, `an integer of at least ${minimum}`, minimum);
  }

  /** A finite number, written as integer or float. */
  number(key: string): number {
    const value = numericValue(this.#object.get(key));
    if (value === undefined) return this.#wrong(key, "a number", 0);
    if (Number.isFinite(value)) return value;
    return this.#notFinite(this.#path(key), value);
  }

  numbers(key: string): readonly number[] {
    return this.list(key).map((item, index) => {
      const value = numericValue(item);
      const path = `${this.#path(key)}[${index}]`;
      if (value === undefined) this.problem("wrong_structure", path, "is not a number");
      else if (!Number.isFinite(value)) this.#notFinite(path, value);
      return value ?? 0;
    });
  }

  strings(key: string): readonly string[] {
    return this.list(key).map((item, index) => {
      if (typeof item === "string") return item;
      this.problem("wrong_structure", `${this.#path(key)}[${index}]`, "is not a string");
      return "";
    });
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const value = this.#object.get(key);
    const found = allowed.find((item) => item === value);
    if (found === undefined) this.#wrong(key, `one of ${allowed.join(", ")}`, "");
    return found;
  }

  list(key: string): readonly PyJson[] {
    const value = this.#object.get(key);
    return isPyList(value) ? value : this.#wrong(key, "a list", []);
  }

  object(key: string): FieldReader {
    return new FieldReader(this.#object.get(key), this.#path(key), this.#problems);
  }

  /** The items of a list of objects, each with its place in messages. */
  objects(key: string): readonly FieldReader[] {
    return this.list(key).map(
      (item, index) => new FieldReader(item, `${this.#path(key)}[${index}]`, this.#problems),
    );
  }

  /** Notes every field that is not among `keys`: a misspelt field must not pass for an absent one. */
  only(keys: readonly string[]): this {
    for (const key of this.#object.keys()) {
      if (!keys.includes(key)) {
        this.problem("wrong_structure", this.#path(key), "is not a known field");
      }
    }
    return this;
  }

  problem(reason: AnalysisFailureReason, where: string, what: string): void {
    const message = `${where || "The document"} ${what}. Make the document again with the version of the tool that reads it.`;
    this.#problems.push({ reason, where, message });
  }

  #path(key: string): string {
    return this.#where === "" ? key : `${this.#where}.${key}`;
  }

  #wrong<T>(key: string, expected: string, standIn: T): T {
    const found = this.#object.has(key) ? `is not ${expected}` : `is missing (${expected})`;
    this.problem("wrong_structure", this.#path(key), found);
    return standIn;
  }

  #notFinite(where: string, value: number): number {
    const message = `${where} is ${value}. A measurement that is not finite means nothing: look at the layer for overflow or empty batches, and measure again.`;
    this.#problems.push({ reason: "non_finite_number", where, message });
    return 0;
  }
}

import * as fs from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { REPOSITORY } from "./workspace.ts";

type Schema = Readonly<Record<string, unknown>>;

/** The JSON Schema of a line of `--reporter json`, as the package has it. */
export const eventSchema = (): Schema =>
  JSON.parse(fs.readFileSync(join(REPOSITORY, "src/ui/events.schema.json"), "utf8")) as Schema;

/** The same, where a field that no schema knows is a mistake: what aqm writes is all said. */
export const closedEventSchema = (): Schema => closed(eventSchema()) as Schema;

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const schema = Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, closed(inner)]),
  );
  const isObject = schema["type"] === "object" && schema["properties"] !== undefined;
  return isObject ? { additionalProperties: false, ...schema } : schema;
}

/**
 * Holds the lines of a stream against the closed schema, each with its number.
 *
 * @returns the types of events that came
 */
export function checkedTypes(stdout: string): ReadonlySet<string> {
  const known = (compiled ??= validators());
  const lines = stdout.split("\n").filter((line) => line !== "");
  const types = lines.map((line, seq) => {
    const event = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const type = String(event["type"]);
    const validate = known.get(type);
    const said =
      validate === undefined
        ? "there is no such type"
        : validate(event)
          ? null
          : (validate.errors ?? []).map(({ instancePath, message = "" }) => instancePath + message);
    if (said !== null) throw new Error(`${line}\nis no event of the schema: ${String(said)}`);
    if (event["seq"] !== seq) throw new Error(`${line}\nhas not the number ${seq}`);
    if ("version" in event !== (seq === 0)) throw new Error(`${line}\nwrong place of version`);
    return type;
  });
  return new Set(types);
}

let compiled: ReadonlyMap<string, ValidateFunction> | null = null;

/** One for each type, so that what is wrong is said of that type alone. */
function validators(): ReadonlyMap<string, ValidateFunction> {
  const { anyOf, $defs } = closedEventSchema() as {
    readonly anyOf: readonly {
      readonly properties: { readonly type: { readonly const: string } };
    }[];
    readonly $defs: object;
  };
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  const names = new Set(anyOf.map(({ properties }) => properties.type.const));
  return new Map(
    [...names].map((name) => {
      const alike = anyOf.filter(({ properties }) => properties.type.const === name);
      return [name, ajv.compile({ anyOf: alike, $defs })];
    }),
  );
}

// Makes rules/python-ops.ts, the types of Python ops for rules, from the declarations in
// python/aqm_runner/ops/*.json. With --check nothing is written; the exit code says whether it would be the same.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";

const REPOSITORY = dirname(dirname(fileURLToPath(import.meta.url)));
const OPS = join(REPOSITORY, "python/aqm_runner/ops");
const TYPES = join(REPOSITORY, "rules/python-ops.ts");

/** @typedef {Readonly<Record<string, any>>} Schema */

/**
 * The TypeScript type of what a JSON Schema lets through, as far as a type can say that. Objects have no index
 * signature where more is allowed, since no interface would fit one.
 * @param {Schema} schema
 * @returns {string}
 */
function typeOf(schema) {
  const unknown = Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword));
  if (unknown.length > 0)
    throw new Error(`scripts/python-op-types.mjs does not know the keyword ${unknown.join(", ")}`);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return union(schema.enum.map(textOf));
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return union(alternatives.map(typeOf));
  if (schema.type === undefined) return "unknown";
  return union([schema.type].flat().map((type) => SIMPLE[type] ?? compound(type, schema)));
}

/** @type {Readonly<Record<string, string>>} */
const SIMPLE = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
  null: "null",
};

const KEYWORDS = new Set(
  `type const enum anyOf oneOf properties required additionalProperties items description title
  minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern
  minItems maxItems uniqueItems minProperties maxProperties`.split(/\s+/),
);

/** @param {unknown} value */
const textOf = (value) => JSON.stringify(value);

/** @param {readonly string[]} types */
const union = (types) => types.join(" | ");

/**
 * @param {string} type
 * @param {Schema} schema
 */
function compound(type, { items = {}, properties, required = [], additionalProperties }) {
  if (type === "array") return `readonly (${typeOf(items)})[]`;
  if (type !== "object") throw new Error(`${type} is no type of JSON Schema`);
  if (properties === undefined) {
    if (typeof additionalProperties !== "object") return "object";
    return `Readonly<Record<string, ${typeOf(additionalProperties)}>>`;
  }
  // `{}` would let anything through.
  if (Object.keys(properties).length === 0) return "Readonly<Record<string, never>>";
  const members = Object.entries(properties).map(([name, schema]) => {
    const comment = schema.description === undefined ? "" : `/** ${schema.description} */\n`;
    const mark = required.includes(name) ? "" : "?";
    return `${comment}readonly ${name}${mark}: ${typeOf(schema)};`;
  });
  return `{\n${members.join("\n")}\n}`;
}

/**
 * One object type for each combination of values of the params that inputs go by; what belongs to another value
 * is never there.
 * @param {Schema} declaration
 */
function inputsOf({ inputs, inputsBy = {}, optionalInputs = {} }) {
  /** @type {string[][]} */
  let combinations = [Object.keys(inputs)];
  for (const byValue of Object.values(inputsBy)) {
    combinations = combinations.flatMap((roles) =>
      Object.values(byValue).map((more) => [...roles, ...Object.keys(more)]),
    );
  }
  const all = new Set(combinations.flat());
  const optional = Object.keys(optionalInputs).map((role) => `readonly ${role}?: Input;`);
  const types = combinations.map((roles) => {
    const members = [...all].map((role) =>
      roles.includes(role) ? `readonly ${role}: Input;` : `readonly ${role}?: never;`,
    );
    return `{ ${[...members, ...optional].join(" ")} }`;
  });
  return union(types.map((type) => (type === "{  }" ? "Readonly<Record<string, never>>" : type)));
}

/** @param {string} file */
function entry(file) {
  const declaration = JSON.parse(readFileSync(join(OPS, file), "utf8"));
  return `${basename(file, ".json")}: {
    readonly params: ${typeOf(declaration.params)};
    readonly inputs: ${inputsOf(declaration)};
    readonly outputs: ${union(Object.keys(declaration.outputs).map(textOf))};
  };`;
}

const files = readdirSync(OPS).filter((name) => name.endsWith(".json"));
const text = `// Made by \`node scripts/python-op-types.mjs\` from python/aqm_runner/ops/*.json; edit those.
import type { Input } from "aqm";

declare module "aqm" {
  interface PythonOps {
    ${files.sort().map(entry).join("\n")}
  }
}
`;
const formatted = await format(text, { ...(await resolveConfig(TYPES)), parser: "typescript" });
if (!process.argv.includes("--check")) writeFileSync(TYPES, formatted);
else if (readFileSync(TYPES, "utf8") !== formatted) {
  console.error("rules/python-ops.ts is not up to date: run `node scripts/python-op-types.mjs`");
  process.exit(1);
}

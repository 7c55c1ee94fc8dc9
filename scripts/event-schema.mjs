// Makes src/ui/events.schema.json, the JSON Schema of the lines of `--reporter json`, and the table in
// docs/events.md, from the type BuildEvent in src/model/event.ts. With --check nothing is written; the
// exit code says whether it would be the same.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import ts from "typescript";

const REPOSITORY = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE = join(REPOSITORY, "src/model/event.ts");
const SCHEMA = join(REPOSITORY, "src/ui/events.schema.json");
const PAGE = join(REPOSITORY, "docs/events.md");
const [BEGIN, END] = [
  "<!-- events: made by scripts/event-schema.mjs -->",
  "<!-- end of events -->",
];

const program = ts.createProgram([SOURCE], {
  strict: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  exactOptionalPropertyTypes: true,
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  types: [],
});
const checker = program.getTypeChecker();
/** @type {Record<string, object>} */
const definitions = {};

/** Types that are whatever JSON there is, or a text with a form. */
const SPECIAL = {
  Json: { description: "any JSON value" },
  Digest: { type: "string", pattern: "^sha256:[0-9a-f]{64}$" },
};

/**
 * The JSON Schema of a type. A type with a name of its own is defined once.
 * @param {ts.Type} type
 */
function schemaOf(type) {
  const name = nameOf(type);
  if (name === null) return inlineSchema(type);
  if (!(name in definitions)) {
    definitions[name] = {}; // before its parts are looked at, for a type that holds itself
    definitions[name] = SPECIAL[name] ?? inlineSchema(type);
  }
  return { $ref: `#/$defs/${name}` };
}

/** @param {ts.Type} type */
function nameOf(type) {
  const symbol = type.aliasSymbol ?? (type.isClassOrInterface() ? type.getSymbol() : undefined);
  const name = symbol?.getName();
  // Types of TypeScript itself, such as Readonly and Record, are what they stand for.
  const own = symbol?.declarations?.some((at) => at.getSourceFile().fileName.includes("/src/"));
  return own === true && name !== undefined && name !== "BuildEvent" ? name : null;
}

/** @param {ts.Type} type */
function inlineSchema(type) {
  const { flags } = type;
  if (flags & ts.TypeFlags.Boolean) return { type: "boolean" };
  if (type.isUnion()) return unionSchema(type);
  if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
  if (flags & ts.TypeFlags.BooleanLiteral) return { const: checker.typeToString(type) === "true" };
  if (flags & ts.TypeFlags.Null) return { type: "null" };
  if (flags & ts.TypeFlags.String) return { type: "string" };
  if (flags & ts.TypeFlags.TemplateLiteral) return SPECIAL.Digest;
  if (flags & ts.TypeFlags.Number) return { type: "number" };
  if (checker.isTupleType(type)) {
    const items = checker.getTypeArguments(type).map(schemaOf);
    return { type: "array", prefixItems: items, minItems: items.length, maxItems: items.length };
  }
  if (checker.isArrayType(type))
    return { type: "array", items: schemaOf(checker.getTypeArguments(type)[0]) };
  if (flags & ts.TypeFlags.Object || type.isIntersection()) return objectSchema(type);
  throw new Error(`scripts/event-schema.mjs does not know the type ${checker.typeToString(type)}`);
}

/** @param {ts.UnionType} type */
function unionSchema(type) {
  const members = type.types.filter((each) => !(each.flags & ts.TypeFlags.Undefined));
  if (members.every((each) => each.isStringLiteral()))
    return { enum: members.map((each) => each.value) };
  const booleans = members.filter((each) => each.flags & ts.TypeFlags.BooleanLiteral);
  const others = members.filter((each) => !booleans.includes(each)).map(schemaOf);
  const all = booleans.length === 0 ? others : [...others, { type: "boolean" }];
  return all.length === 1 ? all[0] : { anyOf: all };
}

/** @param {ts.Type} type */
function objectSchema(type) {
  const values = checker.getIndexTypeOfType(type, ts.IndexKind.String);
  const members = checker.getPropertiesOfType(type);
  const properties = Object.fromEntries(
    members.map((member) => {
      const schema = schemaOf(checker.getTypeOfSymbol(member));
      const said = member.getName() === "type" ? "" : documentation(member);
      return [member.getName(), said === "" ? schema : { description: said, ...schema }];
    }),
  );
  const required = members
    .filter((member) => !(member.flags & ts.SymbolFlags.Optional) && !mayBeAbsent(member))
    .map((member) => member.getName());
  return {
    type: "object",
    ...(members.length > 0 ? { properties, required } : {}),
    ...(values === undefined ? {} : { additionalProperties: schemaOf(values) }),
  };
}

/** JSON leaves out what is undefined. @param {ts.Symbol} member */
const mayBeAbsent = (member) => {
  const type = checker.getTypeOfSymbol(member);
  return type.isUnion() && type.types.some((each) => each.flags & ts.TypeFlags.Undefined);
};

/** @param {ts.Symbol} symbol */
const documentation = (symbol) =>
  ts.displayPartsToString(symbol.getDocumentationComment(checker)).replaceAll(/\s+/g, " ").trim();

/** What the reporter adds to every event: src/ui/json.ts. */
const NUMBERED = {
  seq: { description: "from 0, without gaps", type: "integer", minimum: 0 },
  ms: { description: "milliseconds since the stream began", type: "integer", minimum: 0 },
  version: { description: "of this schema, in the first line alone", const: versionOfStream() },
};

function versionOfStream() {
  const found = /export const STREAM_VERSION = (\d+);/.exec(readFileSync(SOURCE, "utf8"));
  if (found === null) throw new Error("src/model/event.ts says no STREAM_VERSION");
  return Number(found[1]);
}

/** The events: those whose parts differ by another field than `type` are several of one type. */
function events() {
  const exported = checker.getExportsOfModule(
    checker.getSymbolAtLocation(program.getSourceFile(SOURCE)),
  );
  const symbol = exported.find((each) => each.getName() === "BuildEvent");
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  return type.types.map((event) => {
    const named = event.getProperty("type");
    const schema = inlineSchema(event);
    return {
      name: schema.properties.type.const,
      said: documentation(named),
      schema: {
        ...schema,
        properties: { ...NUMBERED, ...schema.properties },
        required: ["seq", "ms", ...schema.required],
      },
    };
  });
}

const all = events();
const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "A line of `aqm build --reporter json`",
  description:
    "Made from src/model/event.ts. A reader leaves out fields and types of events that it does not know.",
  anyOf: all.map(({ said, schema: one }) => (said === "" ? one : { description: said, ...one })),
  $defs: Object.fromEntries(
    Object.entries(definitions).sort(([one], [other]) => (one < other ? -1 : 1)),
  ),
};

/** A row for each type, of all its fields and when it comes. */
function table() {
  const rows = [...new Set(all.map(({ name }) => name))].map((name) => {
    const same = all.filter((event) => event.name === name);
    const said = same.map((event) => event.said).find((text) => text !== "");
    if (said === undefined) throw new Error(`${name} in src/model/event.ts has no comment`);
    const names = [...new Set(same.flatMap(({ schema: one }) => Object.keys(one.properties)))];
    const fields = names
      .filter((field) => field !== "type" && !(field in NUMBERED))
      .map((field) => {
        const always = same.every(({ schema: one }) => one.required.includes(field));
        return `\`${field}\`${always ? "" : "?"}`;
      });
    return `| \`${name}\` | ${fields.join(", ") || "–"} | ${said.replaceAll("|", "\\|")} |`;
  });
  return ["| type | fields | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

const page = readFileSync(PAGE, "utf8");
const [before, rest] = page.split(BEGIN);
const after = rest?.split(END)[1];
if (after === undefined) throw new Error(`docs/events.md has no ${BEGIN} … ${END}`);
const wanted = {
  [SCHEMA]: JSON.stringify(schema),
  [PAGE]: `${before}${BEGIN}\n\n${table()}\n\n${END}${after}`,
};
const same = await Promise.all(
  Object.entries(wanted).map(async ([path, text]) => {
    const options = { ...(await resolveConfig(path)), filepath: path };
    const formatted = await format(text, options);
    const is = readOr(path) === formatted;
    if (!is && !process.argv.includes("--check")) writeFileSync(path, formatted);
    return is;
  }),
);
if (process.argv.includes("--check") && same.includes(false)) {
  console.error("run: node scripts/event-schema.mjs");
  process.exit(1);
}

/** @param {string} path */
function readOr(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

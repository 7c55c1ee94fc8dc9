import type { ErrorObject } from "ajv/dist/2020.js";
import { didYouMean } from "../../model/nearest-name.ts";

/**
 * What a JSON Schema refuses, in words: where it is, the key that should not be there, the nearest right one.
 *
 * @param whole how the document is called, in front of the path to a value
 */
export function schemaProblem(
  error: ErrorObject,
  whole = "",
): {
  readonly path: readonly string[];
  readonly extra: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
} {
  const path = pathOf(error);
  const extra = textParam(error, "additionalProperty");
  const where = [...(whole === "" ? [] : [whole]), ...path].join(".");
  const what = refusalOf(error);
  return { path, extra, message: where === "" ? what : `${where} ${what}`, hint: hintOf(error) };
}

/** Of a keyword that says little to a person, as a pattern does, the schema's own description says more: `hintOf`. */
function refusalOf(error: ErrorObject): string {
  const params = error.params as Readonly<Record<string, unknown>>;
  const isDescribed = schemaOf(error).description !== undefined;
  const otherwise = error.message ?? "is not valid";
  switch (error.keyword) {
    case "additionalProperties":
      return `has no key ${textParam(error, "additionalProperty")}`;
    case "required":
      return `lacks the key ${textParam(error, "missingProperty")}`;
    case "enum":
      return `must be one of ${(params["allowedValues"] as unknown[]).map(String).join(", ")}`;
    case "const":
      return `must be ${JSON.stringify(params["allowedValue"])}`;
    case "pattern":
    case "oneOf":
      return isDescribed ? "has a form that is not allowed" : otherwise;
    case "not":
      return isDescribed ? "is not allowed here" : otherwise;
    default:
      return otherwise;
  }
}

function hintOf(error: ErrorObject): string | undefined {
  const { description, properties = {} } = schemaOf(error);
  switch (error.keyword) {
    case "additionalProperties": {
      const allowed = Object.keys(properties);
      const all = allowed.length === 0 ? undefined : `Take one of its keys: ${allowed.join(", ")}.`;
      return didYouMean(textParam(error, "additionalProperty") ?? "", allowed) ?? all;
    }
    case "required": {
      const key = textParam(error, "missingProperty") ?? "";
      const meaning = properties[key]?.description;
      return meaning === undefined ? undefined : `Add ${key}: ${meaning}`;
    }
    case "type": {
      const type = textParam(error, "type");
      return description !== undefined && type !== undefined
        ? `Give a value of the type ${type}: ${description}`
        : description;
    }
    case "pattern":
    case "const":
    case "oneOf":
    case "not":
      return description;
    default:
      return undefined;
  }
}

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, { readonly description?: string }>>;
}
const schemaOf = (error: ErrorObject): Described => (error.parentSchema ?? {}) as Described;

function textParam(error: ErrorObject, name: string): string | undefined {
  const value = (error.params as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" ? value : undefined;
}

const pathOf = (error: ErrorObject): readonly string[] =>
  error.instancePath.split("/").slice(1).map(unescapePointer);

/**
 * Errors that say something: that a `then` does not fit is told by what in it does not fit, which key each of several
 * alternatives asks for by the words of all of them, and that no alternative fits by the key that is none.
 */
export function tellingErrors(
  errors: readonly ErrorObject[] | null | undefined,
): readonly ErrorObject[] {
  const all = errors ?? [];
  const mistyped = new Set(
    all.flatMap((error) => (error.keyword === "additionalProperties" ? [error.instancePath] : [])),
  );
  return all.filter(
    ({ keyword, schemaPath, instancePath }) =>
      keyword !== "if" &&
      !/\/(?:oneOf|anyOf)\/\d+\/required$/.test(schemaPath) &&
      !(keyword === "oneOf" && mistyped.has(instancePath)),
  );
}

const unescapePointer = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

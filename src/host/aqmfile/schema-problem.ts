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
  const path = error.instancePath.split("/").slice(1).map(unescapePointer);
  const params = error.params as Readonly<Record<string, unknown>>;
  const extra =
    typeof params["additionalProperty"] === "string" ? params["additionalProperty"] : undefined;
  const where = [...(whole === "" ? [] : [whole]), ...path].join(".");
  const allowed = Object.keys(
    (error.parentSchema as { properties?: object } | undefined)?.properties ?? {},
  );
  // A pattern, or that exactly one of several must fit, says little to a person; the schema's own words say more.
  const { description } = error.parentSchema as { description?: string };
  const what =
    extra !== undefined
      ? `has no key ${extra}`
      : error.keyword === "enum"
        ? `must be one of ${(params["allowedValues"] as unknown[]).map(String).join(", ")}`
        : error.keyword === "const"
          ? `must be ${JSON.stringify(params["allowedValue"])}`
          : ["pattern", "oneOf"].includes(error.keyword) && description !== undefined
            ? "has a form that is not allowed"
            : error.keyword === "not" && description !== undefined
              ? "is not allowed here"
              : (error.message ?? "is not valid");
  const hint = extra === undefined ? undefined : didYouMean(extra, allowed);
  const type = params["type"];
  const said =
    error.keyword === "type" && description !== undefined && typeof type === "string"
      ? `Give a value of the type ${type}: ${description}`
      : ["pattern", "const", "type", "oneOf", "not"].includes(error.keyword)
        ? description
        : undefined;
  return { path, extra, message: where === "" ? what : `${where} ${what}`, hint: hint ?? said };
}

/**
 * Errors that say something: that a `then` does not fit is told by what in it does not fit, and which key each of
 * several alternatives asks for by the words of all of them.
 */
export const tellingErrors = (
  errors: readonly ErrorObject[] | null | undefined,
): readonly ErrorObject[] =>
  (errors ?? []).filter(
    ({ keyword, schemaPath }) =>
      keyword !== "if" && !/\/(?:oneOf|anyOf)\/\d+\/required$/.test(schemaPath),
  );

const unescapePointer = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

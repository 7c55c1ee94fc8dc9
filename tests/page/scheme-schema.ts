import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { REPOSITORY } from "../engine/support/folder.ts";

const SCHEMA = "conf/schema/scheme.schema.json";

/** What the schema of schemes finds wrong with a config. */
export function schemeMistakes(scheme: unknown): readonly string[] {
  const ajv = new Ajv2020({ strict: false });
  const schema = JSON.parse(readFileSync(join(REPOSITORY, SCHEMA), "utf8")) as object;
  const validate = ajv.compile(schema);
  validate(scheme);
  return (validate.errors ?? []).map(
    ({ instancePath, message = "" }) => `${instancePath} ${message}`,
  );
}

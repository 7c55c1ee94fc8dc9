import * as fs from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { RunnerEvent, RunnerRequest } from "./events.ts";

export interface RunnerSchemas {
  readonly isRequest: ValidateFunction<RunnerRequest>;
  readonly isEvent: ValidateFunction<RunnerEvent & { readonly seq: number }>;
}

/** By the texts of the schemas: a process that builds again and again, as `aqm watch` does, compiles them once. */
const compiled = new Map<string, RunnerSchemas>();

/** The schemas that the runner itself checks with, compiled: the files lie in its package. */
export function loadRunnerSchemas(pythonRoot: string): RunnerSchemas {
  const read = (name: string): string =>
    fs.readFileSync(join(pythonRoot, "aqm_runner/schemas", `${name}.schema.json`), "utf8");
  const [request, event] = [read("request"), read("event")];
  const text = JSON.stringify([request, event]);
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({
    allErrors: false,
    strict: true,
    strictRequired: false,
    strictTypes: false,
  });
  const schemas = {
    isRequest: ajv.compile<RunnerRequest>(JSON.parse(request) as object),
    isEvent: ajv.compile<RunnerEvent & { readonly seq: number }>(JSON.parse(event) as object),
  };
  compiled.set(text, schemas);
  return schemas;
}

import * as fs from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { RunnerEvent, RunnerRequest } from "./events.ts";

export interface RunnerSchemas {
  readonly isRequest: ValidateFunction<RunnerRequest>;
  readonly isEvent: ValidateFunction<RunnerEvent & { readonly seq: number }>;
}

/** Compiles the schemas that the runner itself checks with: the files lie in its package. */
export function loadRunnerSchemas(pythonRoot: string): RunnerSchemas {
  const ajv = new Ajv2020({
    allErrors: false,
    strict: true,
    strictRequired: false,
    strictTypes: false,
  });
  const read = (name: string): object =>
    JSON.parse(
      fs.readFileSync(join(pythonRoot, "aqm_runner/schemas", `${name}.schema.json`), "utf8"),
    ) as object;
  return {
    isRequest: ajv.compile<RunnerRequest>(read("request")),
    isEvent: ajv.compile<RunnerEvent & { readonly seq: number }>(read("event")),
  };
}

import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { YamlValue } from "aqm/analysis";
import { yamlText } from "aqm/analysis/text/yaml.ts";
import { ok } from "aqm/model/result.ts";

export const version = 1;

/** The settings of a run → `composed-config.yaml`, for people and for readers of the published layout. */
export function run({
  params,
}: OpCall<{ readonly [section: string]: YamlValue }, "scores">): Result<
  OpOutputs<"config">,
  OpFailure
> {
  return ok({ config: yamlText(params) });
}

import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { EngineComparisonSource, QualityDocument } from "aqm/analysis";
import { enginesPage } from "aqm/analysis/engine-pages";
import { engineComparisonJson } from "aqm/analysis/engine-comparison/comparison-json.ts";
import {
  engineComparisonMarkdown,
  type EngineFiles,
} from "aqm/analysis/engine-comparison/comparison-markdown.ts";
import { judgeEngines } from "aqm/analysis/engine-comparison/judge-engines.ts";
import { readPlansOverview } from "aqm/analysis/engine-comparison/plans-overview.ts";
import { readQuality } from "aqm/analysis/quality/quality-document.ts";
import { err, ok } from "aqm/model/result.ts";
import { opinionsIn, type OpinionParams } from "../translate/engine-opinions.ts";
import { failed } from "../translate/failed.ts";
import { given } from "../translate/given.ts";

export const version = 1;

export interface EngineComparisonParams
  extends
    OpinionParams,
    Pick<
      EngineComparisonSource,
      "name" | "model" | "size" | "weights" | "calibration" | "scope" | "part" | "definition"
    > {
  readonly left_out: EngineComparisonSource["leftOut"];
  readonly files: EngineFiles;
}

/** Scores of engines and measured plans → whose scores led to the better model: JSON, Markdown, page, picture. */
export function run({
  params: { candidates, opinions: whose, left_out: leftOut, files, ...named },
  inputs,
}: OpCall<EngineComparisonParams, string>): Result<
  OpOutputs<"data" | "report" | "page" | "picture">,
  OpFailure
> {
  const config = `conf/engine_comparison/${named.name}.yaml`;
  const opinions = opinionsIn({ candidates, opinions: whose }, inputs, config);
  if (!opinions.ok) return opinions;
  const listed = given(inputs, "overview");
  if (!listed.ok) return listed;
  const plans = readPlansOverview(listed.value.text());
  if (!plans.ok) return err(failed(plans.error, listed.value.path));
  const measured = new Map<string, QualityDocument>();
  for (const { name } of plans.value) {
    const input = given(inputs, `measured_${name}`);
    if (!input.ok) return input;
    const document = readQuality(input.value.text());
    if (!document.ok) return err(failed(document.error, input.value.path));
    measured.set(name, document.value);
  }
  const comparison = judgeEngines({
    ...named,
    leftOut,
    opinions: opinions.value,
    plans: plans.value,
    measured,
  });
  if (!comparison.ok) return err(failed(comparison.error, config));
  const { page, picture } = enginesPage(comparison.value);
  return ok({
    data: engineComparisonJson(comparison.value),
    report: engineComparisonMarkdown(comparison.value, files),
    page,
    picture,
  });
}

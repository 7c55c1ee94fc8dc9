import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { schemesOverviewJson } from "aqm/analysis/schemes-overview/overview-json.ts";
import { schemesOverviewMarkdown } from "aqm/analysis/schemes-overview/overview-markdown.ts";
import { schemesPage } from "aqm/analysis/schemes-pages";
import { ok } from "aqm/model/result.ts";
import { schemesOverviewIn, type SchemesOverviewParams } from "../translate/schemes-overview.ts";

export const version = 1;

export interface SchemesPageParams extends SchemesOverviewParams {
  /** Names of the page and the picture, which lie beside the Markdown. */
  readonly files: { readonly page: string; readonly picture: string };
}

/** What is there of all schemes of a model → one HTML page, its picture, Markdown and JSON. */
export function run({
  params: { files, ...asked },
  inputs,
}: OpCall<SchemesPageParams, string>): Result<
  OpOutputs<"page" | "picture" | "report" | "json">,
  OpFailure
> {
  const overview = schemesOverviewIn(asked, inputs);
  if (!overview.ok) return overview;
  const sources = Object.values(inputs)
    .filter((input) => input.isThere())
    .map(({ path, digest }) => ({
      what: path.slice(path.lastIndexOf("/") + 1),
      path,
      digest: digest(),
    }));
  const { page, picture } = schemesPage(overview.value, sources);
  return ok({
    page,
    picture,
    report: schemesOverviewMarkdown(overview.value, files),
    json: schemesOverviewJson(overview.value),
  });
}

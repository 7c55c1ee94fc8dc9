import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildManifest } from "../../src/analysis/manifest/build-manifest.ts";
import type { Manifest } from "../../src/analysis/manifest/manifest.ts";
import { checkFigures } from "../../src/analysis/manifest/check-figures.ts";
import { manifestGenerations, markdownGeneration } from "../../src/analysis/report/generation.ts";
import { readManifest } from "../../src/analysis/manifest/read-manifest.ts";
import { isPyObject, pyObject, type PyJson } from "../../src/analysis/python-json/value.ts";
import { writePythonJson } from "../../src/analysis/python-json/write.ts";
import { jsonReport } from "../../src/analysis/report/json-report.ts";
import { markdownReport } from "../../src/analysis/report/markdown-report.ts";
import { readScores } from "../../src/analysis/scores/read-scores.ts";
import { scoresFromManifest } from "../../src/analysis/manifest/scores-from-manifest.ts";
import type { Scores } from "../../src/analysis/scores/scores.ts";
import { problemFromScores } from "../../src/analysis/solve/problem-from-scores.ts";
import { problemFromManifest } from "../../src/analysis/manifest/problem-from-manifest.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import { allFigures, expectValue, problemOf } from "./figures.ts";
import { markdownFigures } from "./markdown-figures.ts";
import { referenceTable } from "./reference-table.ts";
import { haveReferenceData, referenceDataTitle, referenceRuns } from "./reference-data.ts";

describe.runIf(haveReferenceData)(referenceDataTitle, () => {
  const runs = referenceRuns();
  const reports = runs.filter((run) => run.markdown !== undefined);

  it.each(runs)("manifest is rewritten byte for byte: $name", ({ manifest }) => {
    expect(writePythonJson(expectValue(readManifest(manifest)).json)).toBe(manifest);
  });

  it.each(runs)("search is reproduced: $name", ({ manifest }) => {
    const published = expectValue(readManifest(manifest));
    const { search, budgetBits } = published;
    const plan = expectValue(solveBitPlan(problemFromManifest(published), budgetBits));
    expect(plan.satisfied).toBe(search.satisfied);
    expect(Math.abs(plan.bits.achieved / search.effectiveBits - 1)).toBeLessThan(1e-9);
    expect(Math.abs(plan.score / search.score - 1)).toBeLessThan(1e-6);
  });

  it.each(reports)(
    "JSON report is written byte for byte: $name",
    ({ manifest, json, noneRows }) => {
      expect(jsonReport(expectValue(readManifest(manifest)), { noneRows })).toBe(json);
    },
  );

  it.each(reports)("Markdown figures are the same: $name", ({ manifest, markdown, noneRows }) => {
    const report = markdownReport(expectValue(readManifest(manifest)), { noneRows });
    const figures = markdownFigures(report);
    expect(figures).toEqual(markdownFigures(markdown ?? ""));
    expect(figures.rows.length).toBeGreaterThan(20);
  });

  it.each(runs)("its generation is recognised: $name", ({ manifest, markdown, generation }) => {
    expect(manifestGenerations(expectValue(readManifest(manifest)))).toContain(generation);
    if (markdown !== undefined) expect(markdownGeneration(markdown)).toBe(generation);
  });

  it.each(runs)("figures follow from each other: $name", ({ manifest }) => {
    expectValue(checkFigures(expectValue(readManifest(manifest))));
  });

  it.each(runs)("scores are read out of the manifest: $name", ({ manifest }) => {
    const published = expectValue(readManifest(manifest));
    const from = { from: "manifest.json", digest: "sha256:0" };
    const scores = expectValue(readScores(expectValue(scoresFromManifest(published, "lm", from))));
    expect(scores.measured.scoreTokens).toBeNull();
    expect(scores.takenOver).toEqual(from);
    const listed = new Set(scores.groups.flatMap(({ modules }) => modules));
    expect(scores.modules.every(({ name }) => listed.has(name))).toBe(true);
    const problem = expectValue(problemFromScores([scores]));
    const plan = expectValue(solveBitPlan(problem, published.budgetBits));
    expect(Math.abs(plan.score / published.search.score - 1)).toBeLessThan(1e-6);
  });

  it("the table in docs/adopt.md is what comes out", () => {
    const docs = readFileSync(new URL("../../docs/adopt.md", import.meta.url), "utf8");
    const table = referenceTable(runs);
    expect(table).not.toMatch(/DIFFERENT|DISAGREE|not recognised/);
    // Columns are padded in the docs.
    const squeezed = (text: string): string => text.replace(/ +/g, " ").replace(/-+/g, "---");
    expect(squeezed(docs)).toContain(squeezed(table));
  });

  it("the compact figures of this repository are those of the manifests", () => {
    for (const figures of allFigures()) {
      const run = runs.find(({ name }) => name === figures.source);
      const published = expectValue(readManifest(run?.manifest ?? ""));
      expect(problemOf(figures)).toEqual(problemFromManifest(published));
      expect(figures.recorded).toEqual(published.search);
      expect(figures.budgetBits).toBe(published.budgetBits);
    }
  });

  it("a manifest built from a published one's figures has its bytes, additions aside", () => {
    const run = runs.find(({ name }) => name.includes("qwen3_vl_4b_lm_wint8_aint8"));
    const published = expectValue(readManifest(run?.manifest ?? ""));
    const dataset = published.json.get("dataset");
    const value = (key: string): PyJson | undefined =>
      isPyObject(dataset) ? dataset.get(key) : undefined;
    const built = expectValue(
      buildManifest({
        scores: scoresOf(published),
        scheme: { name: published.schemeName, effectiveBits: 8, scoreSize: 128 },
        modelId: published.modelId ?? "",
        dataset: {
          name: value("name") as string,
          size: value("size") as string,
          root: value("root") as string,
          source: { kind: "captions", path: value("captions_path") as string },
          maxCalibSamples: 128,
        },
      }),
    );
    const shared = pyObject([...built.json].filter(([key]) => key !== "aqm"));
    expect(writePythonJson(shared)).toBe(run?.manifest);
    expect(jsonReport(built)).toBe(run?.json);
    expect([...built.json.keys()].at(-1)).toBe("aqm");
  });
});

/** The scores that must have been measured for a one-format manifest to come out. */
function scoresOf({ layers, json }: Manifest): Scores {
  const wrappers = json.get("layers");
  return {
    engine: "modelopt",
    format: { name: "INT8_DEFAULT_CFG", bits: 8, config: new Map() },
    method: "gradient",
    scope: "lm",
    measured: {
      calibrationSamples: 128,
      calibrationBatches: 16,
      scoreSamples: 128,
      scoreBatches: 16,
      scoreTokens: 2000,
      batchSize: 8,
      sequenceLength: 512,
    },
    environment: new Map(),
    groups: layers.map(({ name, candidates }) => ({
      name,
      modules: [name],
      weights: candidates.at(-1)?.cost ?? 0,
      enabled: candidates.length > 1,
      score: candidates[0]?.score ?? 0,
      executions: 16,
    })),
    modules: isPyObject(wrappers)
      ? [...wrappers.keys()].map((name) => ({ name, type: "QuantLinear" }))
      : [],
  };
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readManifest } from "../../src/analysis/manifest/read-manifest.ts";
import { planWithin, solveFrontier } from "../../src/analysis/solve/frontier.ts";
import { problemFromManifest } from "../../src/analysis/manifest/problem-from-manifest.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import { REPOSITORY } from "../engine/support/folder.ts";
import { expectValue } from "./figures.ts";
import { haveReferenceData, referenceDataTitle, referenceRuns } from "./reference-data.ts";

const TITLES = [
  "manifest",
  "budget",
  "recorded bits",
  "our bits",
  "recorded score",
  "our score",
  "budget met",
  "points of the frontier",
];

/** One line a published manifest: what it records, and what is solved from its layers. */
function table(): string {
  const rows = referenceRuns().map(({ name, manifest: text }) => {
    const manifest = expectValue(readManifest(text));
    const problem = problemFromManifest(manifest);
    const plan = expectValue(solveBitPlan(problem, manifest.budgetBits));
    const frontier = expectValue(solveFrontier(problem));
    expect(planWithin(frontier, manifest.budgetBits)).toEqual(plan);
    const { search } = manifest;
    expect(Math.abs(plan.bits.achieved / search.effectiveBits - 1)).toBeLessThan(1e-9);
    expect(Math.abs(plan.score / search.score - 1)).toBeLessThan(1e-6);
    expect(plan.satisfied).toBe(search.satisfied);
    return [
      `\`${name}\``,
      String(Number(manifest.budgetBits.toFixed(6))),
      search.effectiveBits.toFixed(9),
      plan.bits.achieved.toFixed(9),
      search.score.toExponential(9),
      plan.score.toExponential(9),
      plan.satisfied ? "yes" : "no",
      `${frontier.points.length}${frontier.given === "all" ? "" : `, ${frontier.given}`}`,
    ];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [TITLES, TITLES.map(() => "---"), ...rows].map(line).join("\n");
}

it.runIf(haveReferenceData)(
  `the table in docs/bit-plans.md is what comes out: ${referenceDataTitle}`,
  () => {
    const page = readFileSync(join(REPOSITORY, "docs/bit-plans.md"), "utf8");
    // Columns are padded in the docs.
    const squeezed = (text: string): string => text.replace(/ +/g, " ").replace(/-{2,}/g, "---");
    const made = table();
    expect(squeezed(page), made).toContain(squeezed(made));
  },
);

import { action, file, ifThere, region, typescriptOp, type Declared } from "aqm";
import { scopeAndSize } from "./analysis-page.ts";
import { SCOPES, SIZES, type DatasetConfig } from "./configs.ts";
import type { Run } from "./runs.ts";

const op = typescriptOp<typeof import("./ops/runs-table.ts")>("aqm/rules/ops/runs-table.ts");

/**
 * The tables of runs in a model's READMEs. They list what is measured: a run that is not there is counted
 * and not made for a table's sake, so a table never asks for a GPU.
 */
export function readmeTables(
  folder: string,
  runs: readonly Run[],
  { sizes }: DatasetConfig,
): Declared {
  const analyses = `${folder}/layer-analysis`;
  // Of each scope the picture with the most samples that is there.
  const pictures = SCOPES.map((scope) =>
    SIZES.toReversed().map((size) => ({
      role: `picture_${scope}_${size}`,
      page: `${analyses}/${scope}-${size}`,
      title: scopeAndSize(scope, size),
    })),
  );
  const table = (place: string, rows: "runs" | "pairs", commands: readonly string[]): Declared => {
    const listed = runs.map((run, index) => ({ ...run, role: `run${index}` }));
    return action({
      op,
      params: {
        rows,
        folder: place,
        commands,
        sizes: SIZES.map((size) => [size, sizes[size]] as const),
        runs: listed.map(
          ({ engine: _engine, manifest: _manifest, record: _record, ...names }) => names,
        ),
        pictures,
      },
      inputs: Object.fromEntries([
        ...listed.flatMap(({ role, manifest, record }) => [
          [role, ifThere(file(manifest))] as const,
          [`${role}_record`, record] as const,
        ]),
        ...pictures
          .flat()
          .map(({ role, page }) => [role, ifThere(file(`${page}-heatmap.svg`))] as const),
      ]),
      outputs: { table: region(`${place}/README.md`, "runs") },
    });
  };
  return [
    table(analyses, "runs", [
      `npx aqm build --dry-run ${analyses}    # what is not measured, and what it would cost`,
      `npx aqm build ${analyses}/README.md    # this table`,
    ]),
    table(folder, "pairs", [
      `npx aqm build ${folder}/README.md ${analyses}/README.md    # the tables`,
      `npx aqm build ${folder}/comparisons/pairs    # how far the pairs agree`,
    ]),
  ];
}

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Generation } from "../../src/analysis/report/generation.ts";

/**
 * Published artifacts, which are not part of this repository. Tests against them
 * run where AQM_REFERENCE_DATA names the folder, or where it lies next to the checkout.
 */
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const data = process.env["AQM_REFERENCE_DATA"] ?? join(root, "../shared/reference/data");
const folder = join(data, "sensitivity");

/** Where the runs are; it may not exist. */
export const referenceFolder: string = folder;

export const haveReferenceData: boolean = existsSync(folder);

/** For test titles: says why a suite is skipped. */
export const referenceDataTitle: string = haveReferenceData
  ? "reference data"
  : "reference data (skipped: set AQM_REFERENCE_DATA to a folder that has it)";

export interface ReferenceRun {
  readonly name: string;
  /** Which writer made the reports, as history tells; of a manifest without any, who made the manifest. */
  readonly generation: Generation;
  readonly manifest: string;
  /** Absent for a manifest that was copied in from another run. */
  readonly json: string | undefined;
  readonly markdown: string | undefined;
  /** Rows for layers that stay unquantized: the oldest writer left them out. */
  readonly noneRows: "include" | "skip";
}

export function referenceRuns(): readonly ReferenceRun[] {
  if (!haveReferenceData) return [];
  return readdirSync(folder)
    .sort()
    .flatMap((run) =>
      readdirSync(join(folder, run))
        .filter((file) => file.endsWith("_manifest.json"))
        .sort()
        .map((file) => readRun(run, file)),
    );
}

function readRun(run: string, file: string): ReferenceRun {
  const read = (name: string): string => readFileSync(join(folder, run, name), "utf8");
  const copied = file.startsWith("fp8_") && run.includes("int8");
  return {
    name: `${run}/${file}`,
    manifest: read(file),
    json: copied ? undefined : read("per-layer-sensitivity.json"),
    markdown: copied ? undefined : read("per-layer-sensitivity.md"),
    generation: copied ? "1" : generationOf(run),
    noneRows: run.startsWith("qwen2_5") ? "skip" : "include",
  };
}

/** From the history of the project that published them. */
function generationOf(run: string): Generation {
  if (run.startsWith("qwen2_5")) return "2";
  return /wint4_aint8|wint8_aint4|lm_wint8_aint8/.test(run) ? "4" : "3";
}

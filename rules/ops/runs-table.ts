import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { TableRun } from "aqm/analysis";
import { readManifest } from "aqm/analysis/manifest/read-manifest.ts";
import { pairsTable, runsTable } from "aqm/analysis/report/runs-table.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { measurementIn, provenanceIn } from "../translate/measurement.ts";

export const version = 1;

export interface RunsTableParams {
  /** A row a run, or a row a pair. */
  readonly rows: "runs" | "pairs";
  /** Folder of the document: links are relative to it. */
  readonly folder: string;
  /** The commands that measure all listed runs, and that make this table again. */
  readonly commands: readonly string[];
  /** Names of sizes and what they are, the smallest first. */
  readonly sizes: readonly (readonly [name: string, samples: number])[];
  readonly runs: readonly {
    /** Role of its manifest; that of the record of its scores is `<role>_record`. */
    readonly role: string;
    readonly folder: string;
    readonly pair: string;
    readonly granularity: string;
    readonly scope: string;
    readonly size: string;
  }[];
  /** For each scope the pages whose picture may be shown; the first whose picture is there is. */
  readonly pictures: readonly (readonly Picture[])[];
}

interface Picture {
  /** Role of its heatmap. */
  readonly role: string;
  /** Path of the page, without its ending. */
  readonly page: string;
  readonly title: string;
}

/** Manifests that are there → the table of a README. */
export function run({
  params,
  inputs,
}: OpCall<RunsTableParams, string>): Result<OpOutputs<"table">, OpFailure> {
  const runs: TableRun[] = [];
  for (const { role, folder, ...names } of params.runs) {
    const input = inputs[role];
    const link = `${below(params.folder, folder)}/per-layer-sensitivity.md`;
    const measurement = measurementIn(provenanceIn(inputs[`${role}_record`]));
    if (input?.isThere() !== true) {
      runs.push({ ...names, link, manifest: null, measurement });
      continue;
    }
    const manifest = readManifest(input.text());
    if (!manifest.ok) return err(failed(manifest.error, input.path));
    runs.push({ ...names, link, manifest: manifest.value, measurement });
  }
  const table =
    params.rows === "runs"
      ? runsTable(runs)
      : pairsTable(runs, (pair) => {
          const folders = params.runs.filter((one) => one.pair === pair).map((one) => one.folder);
          // Those of other granularities lie below.
          const [first = ""] = folders.map(parentOf).sort((a, b) => a.length - b.length);
          return below(params.folder, first);
        });
  const measured = runs.filter(({ manifest }) => manifest !== null).length;
  const sizes = params.sizes.map(([size, count]) => `${size} ${count}`);
  const blocks = [
    `${measured} of ${runs.length} declared runs are measured. Calibration samples: ${sizes.join(", ")}.`,
    ...(table === "" ? [] : [table]),
    ...params.pictures.flatMap((choice) => {
      const shown = choice.find(({ role }) => inputs[role]?.isThere() === true);
      return shown === undefined ? [] : [pictureOf(shown, params.folder)];
    }),
    ...(params.rows === "runs" ? [HOW_TO_READ] : []),
    ["```sh", ...params.commands, "```"].join("\n"),
  ];
  return ok({ table: `\n${blocks.join("\n\n")}\n\n` });
}

const HOW_TO_READ =
  "Bits are achieved and asked for, per weight over the whole model; the size is that of all weights at these bits. " +
  "The cost is that of scoring: a share, where several pairs were scored together. " +
  "Scores are sums over samples: between rows of another size, scope or loss compare the order of layers (`aqm diff`), not scores. " +
  "Beside each report lie the manifest, `per-layer-sensitivity.json`, `sensitivity-scores.json` and `composed-config.yaml`.";

function pictureOf({ page, title }: Picture, folder: string): string {
  const link = below(folder, page);
  const what = `Sensitivity of every layer to every pair, ${title}`;
  return `${what}:\n\n[![${what}](${link}-heatmap.svg)](${link}.html)`;
}

/** Runs lie below the folder of the document. */
const below = (folder: string, path: string): string =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

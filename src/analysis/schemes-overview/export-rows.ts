import { byteText, smallText } from "../quality-report/figure-text.ts";
import { isStatus, type ReportedExport } from "../scheme-report/scheme-report.ts";
import { statusText } from "../scheme-report/words.ts";
import type { ExportCheck } from "../schemes/export-check.ts";
import type { SchemesOverview, ShownScheme } from "./overview.ts";
import { schemeWord } from "./scheme-words.ts";

/** An export of a scheme: its sizes, and what vLLM answers on each device. */
export interface ExportRow {
  readonly name: string;
  readonly word: string;
  readonly format: string;
  readonly predicted: string;
  readonly found: string;
  readonly files: string;
  /** The largest divergence of the folder's logits from the simulated model's. */
  readonly logits: string;
  /** By `devicesOf`. */
  readonly answers: readonly string[];
}

/** Devices that any export is asked about, as status files are called. */
export const devicesOf = ({ schemes }: Pick<SchemesOverview, "schemes">): readonly string[] => [
  ...new Set(
    schemes.flatMap(({ exports }) =>
      exports.flatMap(({ serving }) => serving.map(({ device }) => device)),
    ),
  ),
];

/** Every export that is there. */
export function exportRows(overview: SchemesOverview): readonly ExportRow[] {
  const devices = devicesOf(overview);
  return overview.schemes.flatMap((shown) =>
    shown.exports.flatMap((of) =>
      of.check === null ? [] : [exportRow(shown, of, of.check, devices)],
    ),
  );
}

/** Exports that are not there, by what to build for them. */
export const missingExports = ({ schemes }: Pick<SchemesOverview, "schemes">): readonly string[] =>
  schemes.flatMap(({ exports }) =>
    exports.flatMap(({ check, target }) => (check === null ? [target] : [])),
  );

function exportRow(
  shown: ShownScheme,
  { format, serving }: ReportedExport,
  check: ExportCheck,
  devices: readonly string[],
): ExportRow {
  const predicted = shown.scheme?.exports.find((of) => of.format === format)?.bytes;
  return {
    name: shown.name,
    word: schemeWord(shown),
    format,
    predicted: predicted === undefined ? "–" : byteText(predicted),
    found: foundText(check.weightBytes, predicted),
    files: byteText(check.bytes),
    logits: smallText(check.logits.kl),
    answers: devices.map((device) => {
      const asked = serving.find((of) => of.device === device);
      if (asked === undefined) return "–";
      return isStatus(asked.answer) ? statusText(asked.answer) : "not asked";
    }),
  };
}

const foundText = (found: number, predicted: number | undefined): string =>
  found === predicted ? `${byteText(found)}, as predicted` : `${byteText(found)} (${found} bytes)`;

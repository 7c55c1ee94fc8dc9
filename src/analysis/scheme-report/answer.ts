import { intervalText, smallText, timesText } from "../quality-report/figure-text.ts";
import { counted, listText } from "../quality-report/runs.ts";
import { WORDS } from "../quality/measured-frontier.ts";
import type { ServingStatus } from "../schemes/serving-status.ts";
import {
  isStatus,
  plannedLayers,
  type ReportedExport,
  type ReportedScheme,
  type ReportedStatus,
  type SchemeReport,
} from "./scheme-report.ts";
import { searchPoints } from "./searched.ts";
import { weightGroups } from "./weight-groups.ts";
import type { Point } from "./words.ts";

/** How many schemes are proven, and how many exports vLLM takes. */
export function headlineOf({ schemes }: SchemeReport): string {
  if (schemes.length === 0) return "No scheme of this set can be had on this model";
  const proven = schemes.filter(({ quality }) => quality.verdict?.word === "proven").length;
  const statuses = checked(schemes).map(({ status }) => status.word);
  const taken = statuses.filter((word) => word !== "rejected").length;
  const served =
    statuses.length === 0
      ? "vLLM was not asked about any"
      : `vLLM takes ${taken} of ${counted(statuses.length, "checked export")}`;
  const on = isUntrained(schemes) ? " (on random weights nothing is)" : "";
  return `${proven} of ${counted(schemes.length, "scheme")} proven${on}, ${served}`;
}

export const isUntrained = (schemes: readonly ReportedScheme[]): boolean =>
  schemes.some(({ quality }) => quality.weights === "random");

/** What a reader wants to know first, from the measured word to what a server would do. */
export const pointsOf = ({ schemes, skipped }: SchemeReport): readonly Point[] => [
  ...wordPoints(schemes),
  ...searchPoints(schemes),
  ...controlPoints(schemes),
  ...servingPoints(schemes),
  ...unquantizedPoints(schemes),
  ...filePoints(schemes),
  ...droppedPoints(schemes),
  ...skipped.map(({ name, because }) => ({ lead: `${name} is left out`, text: because })),
];

const LEADS = {
  proven: "Proven",
  unproven: "Unproven",
  "not separable": "Not separable from controls of the same size",
} as const;

function wordPoints(schemes: readonly ReportedScheme[]): readonly Point[] {
  const points = WORDS.flatMap((word): readonly Point[] => {
    const here = schemes.flatMap(({ scheme, quality: { verdict } }) =>
      verdict?.word === word ? [{ name: scheme.name, verdict }] : [],
    );
    if (here.length === 0) return [];
    const because = here[0]?.verdict.because ?? null;
    const each = here.map(({ name, verdict }) => `${name} ${intervalText(verdict.factor)}`);
    return [
      {
        lead: because === null ? LEADS[word] : `${LEADS[word]}, because of ${because}`,
        text: `KL of random plans of the same size, as a multiple of the scheme’s: ${listText(each)}.`,
      },
    ];
  });
  const reasons = grouped(
    schemes.filter(({ quality }) => quality.unjudged !== null),
    ({ quality }) => quality.unjudged ?? "",
  );
  return [
    ...points,
    ...reasons.map(([because, here]) => ({
      lead: "Not judged",
      text: `${listText(
        here.map(
          ({ scheme, quality }) =>
            `${scheme.name} (KL ${intervalText(quality.figures.kl, smallText)})`,
        ),
      )}: ${because}.`,
    })),
  ];
}

/** Better than the mean of random plans is not yet better than every control; and a scheme may be worse than that. */
function controlPoints(schemes: readonly ReportedScheme[]): readonly Point[] {
  const beaten = schemes.flatMap(({ scheme, quality: { verdict } }) => {
    if (verdict === null) return [];
    const rivals = [
      { plan: "the mean of random plans", factor: verdict.factor },
      ...verdict.against,
    ];
    return rivals
      .filter(({ factor }) => factor.high < 1)
      .map(
        ({ plan, factor }) =>
          `${scheme.name} by ${plan} (${timesText(factor.value, 2)} times its KL)`,
      );
  });
  return beaten.length === 0
    ? []
    : [{ lead: "A control of the same size is better", text: `${listText(beaten)}.` }];
}

interface Checked {
  readonly name: string;
  readonly of: ReportedExport;
  readonly device: string;
  readonly status: ServingStatus;
}

const checked = (schemes: readonly ReportedScheme[]): readonly Checked[] =>
  statuses(schemes).flatMap(({ name, of, device, answer }) =>
    isStatus(answer) && answer.word !== "not checked" ? [{ name, of, device, status: answer }] : [],
  );

const statuses = (schemes: readonly ReportedScheme[]) =>
  schemes.flatMap(({ scheme, exports }) =>
    exports.flatMap((of) =>
      of.serving.map((one: ReportedStatus) => ({ name: scheme.name, of, ...one })),
    ),
  );

function servingPoints(schemes: readonly ReportedScheme[]): readonly Point[] {
  const asked = checked(schemes);
  const taken = (["serves", "loads strictly (not run)"] as const).flatMap((word) =>
    grouped(
      asked.filter(({ status }) => status.word === word),
      ({ of, status }) => `${of.format} on ${status.device}`,
    ).map(([where, here]) => ({
      lead: `${word === "serves" ? "Served" : "Loaded strictly, not run"} as ${where}`,
      text: `${listText(here.map(({ name }) => name))}.`,
    })),
  );
  const rejected = grouped(
    asked.filter(({ status }) => status.word === "rejected"),
    ({ of, status }) =>
      `${of.format} on ${status.device}|${status.level ?? 0}|${status.reason ?? ""}`,
  ).map(([key, here]) => {
    const [where = "", level = "", ...reason] = key.split("|");
    return {
      lead: `Rejected as ${where}`,
      text: `${listText(here.map(({ name }) => name))}, at level ${level}: ${reason.join("|")}.`,
    };
  });
  const open = statuses(schemes).filter(({ answer }) => answer.word === "not checked");
  const reasons = grouped(open, ({ answer }) =>
    isStatus(answer) ? (answer.reason ?? "") : answer.because,
  ).map(([because, here]) => `${here.length}: ${because}`);
  return [
    ...taken,
    ...rejected,
    ...(open.length === 0
      ? []
      : [
          {
            lead: `Not checked: ${counted(open.length, "export on a device", "exports on devices")}`,
            text: `${reasons.join("; ")}. The table of answers says what to build; the first such build makes vLLM’s environment of 8.9 GB.`,
          },
        ]),
  ];
}

function unquantizedPoints(schemes: readonly ReportedScheme[]): readonly Point[] {
  return checked(schemes)
    .filter(({ status }) => status.unquantized.length > 0)
    .map(({ name, of, status: { device, unquantized } }) => {
      const first = unquantized.slice(0, 3).join(", ");
      const more = unquantized.length > 3 ? ` and ${unquantized.length - 3} more` : "";
      return {
        lead: `vLLM would run layers of ${name} unquantized`,
        text: `${counted(unquantized.length, "layer")} of ${of.format} on ${device}: ${first}${more}.`,
      };
    });
}

function filePoints(schemes: readonly ReportedScheme[]): readonly Point[] {
  const groups = weightGroups(schemes);
  const folders = groups.reduce((sum, { schemes: names }) => sum + names.length, 0);
  const shared = groups
    .filter(({ schemes: names }) => names.length > 1)
    .map(({ format, schemes: names }) => `${listText(names)} (${format})`);
  const together =
    shared.length === 0
      ? "no two are the same"
      : `${listText(shared)} are the same, as their plans are`;
  const other = schemes.flatMap(({ scheme, exports }) =>
    exports
      .filter(
        ({ check }) => check !== null && check.quantizedLayers !== plannedLayers(scheme).quantized,
      )
      .map(({ format, target }) => `${format} of ${scheme.name} (aqm build ${target})`),
  );
  const missing = schemes.flatMap(({ scheme, exports }) =>
    exports
      .filter(({ check }) => check === null)
      .map(({ format, target }) => `${format} of ${scheme.name} (aqm build ${target})`),
  );
  return [
    ...(folders === 0
      ? []
      : [
          {
            lead: `${counted(folders, "exported checkpoint")}, ${counted(groups.length, "set")} of weights`,
            text: `${together}.`,
          },
        ]),
    ...(other.length === 0
      ? []
      : [
          {
            lead: "Exported from another plan",
            text: `the files hold another number of quantized layers than the plan: ${listText(other)}.`,
          },
        ]),
    ...(missing.length === 0 ? [] : [{ lead: "Not exported", text: `${listText(missing)}.` }]),
  ];
}

function droppedPoints(schemes: readonly ReportedScheme[]): readonly Point[] {
  return schemes.flatMap(({ scheme: { name, dropped } }) => {
    const reasons = grouped(dropped, ({ candidate, because }) => `${candidate}: ${because}`);
    return reasons.map(([because, here]) => ({
      lead: `Left out of ${name}`,
      text: `${here
        .slice(0, 3)
        .map(({ group }) => group)
        .join(", ")}${here.length > 3 ? ` and ${here.length - 3} more` : ""}, for ${because}.`,
    }));
  });
}

function grouped<T>(
  all: readonly T[],
  by: (one: T) => string,
): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = by(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups];
}

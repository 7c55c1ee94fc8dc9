import { NODE } from "./cases/graph-cases.mjs";
import { medianOf, spread } from "./measure.mjs";

/**
 * @typedef {import("./measure.mjs").Measured} Measured
 * @typedef {import("./goals.mjs").Verdict} Verdict
 */

export const count = (/** @type {number} */ value) => value.toLocaleString("en");

export const megabytes = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

export const seconds = (/** @type {number} */ value) =>
  value < 10 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function markdownTable(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** @param {readonly Verdict[]} verdicts */
export const verdictTable = (verdicts) =>
  markdownTable(
    ["case", "goal", "measured", "met"],
    verdicts.map(({ what, goal, measured, met }) => [
      what,
      goal,
      measured,
      met === null ? "not known" : met ? "yes" : "**no**",
    ]),
  );

/**
 * All who took part in one comparison, and their ratios to those who are the measure.
 * @param {Map<string, Measured>} results
 * @param {{ io?: boolean }} [options] `io`: also what was read
 */
export function resultTable(results, { io = false } = {}) {
  const references = [NODE, "ninja"].filter((name) => (results.get(name)?.runs.length ?? 0) > 0);
  const rows = [...results].flatMap(([name, measured]) => {
    if (measured.runs.length === 0) return [];
    const wall = spread(measured.runs.map((run) => run.seconds));
    const read = (/** @type {"readBytes" | "diskReadBytes"} */ field) =>
      megabytes(medianOf(measured, (run) => run[field] ?? NaN));
    return [
      [
        name,
        seconds(wall.median),
        `${seconds(wall.low)} … ${seconds(wall.high)}`,
        seconds(medianOf(measured, (run) => run.cpuSeconds)),
        megabytes(medianOf(measured, (run) => run.peakBytes)),
        ...(io ? [read("readBytes"), read("diskReadBytes")] : []),
        ...references.map((other) => (wall.median / medianOf(results.get(other))).toFixed(2)),
        String(measured.runs.length),
      ],
    ];
  });
  return markdownTable(
    [
      "",
      "median",
      "spread",
      "CPU",
      "peak memory",
      ...(io ? ["read", "read from disk"] : []),
      ...references.map((name) => `× ${name}`),
      "runs",
    ],
    rows,
  );
}

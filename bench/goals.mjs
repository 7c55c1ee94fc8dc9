import { HASH } from "./cases/hash.mjs";
import { NODE } from "./cases/graph-cases.mjs";
import { OVERRIDDEN, STATES } from "./cases/own.mjs";
import { targetCount } from "./graph.mjs";
import { medianOf } from "./measure.mjs";
import { count, megabytes, seconds } from "./table.mjs";

/**
 * @typedef {import("./measure.mjs").Measured} Measured
 * @typedef {Map<string, Measured>} Results
 *
 * @typedef {object} Verdict
 * @property {string} what
 * @property {string} goal
 * @property {string} measured
 * @property {boolean | null} met null where it could not be measured
 */

const peak = (/** @type {import("./measure.mjs").Run} */ run) => run.peakBytes;

/**
 * @param {string} what
 * @param {Results} results
 * @param {{ of: string, to: string, limit: number }} ratio
 * @returns {Verdict}
 */
function ratioVerdict(what, results, { of, to, limit }) {
  const value = medianOf(results.get(of)) / medianOf(results.get(to));
  const known = Number.isFinite(value);
  return {
    what,
    goal: `<= ${limit} × ${to}`,
    measured: known ? `${value.toFixed(2)} ×` : "not measured",
    met: known ? value <= limit : null,
  };
}

/**
 * @param {string} what
 * @param {number} value
 * @param {number} limit
 * @param {(value: number) => string} show
 * @returns {Verdict}
 */
function limitVerdict(what, value, limit, show) {
  const known = Number.isFinite(value);
  return {
    what,
    goal: `<= ${show(limit)}`,
    measured: known ? show(value) : "not measured",
    met: known ? value <= limit : null,
  };
}

/**
 * @param {number} size
 * @param {Results} results
 * @returns {Verdict[]}
 */
export function noopGoals(size, results) {
  const what = `no-op, ${count(size)} sources`;
  if (size === 1000) return [ratioVerdict(what, results, { of: "aqm", to: NODE, limit: 1.7 })];
  if (size === 10_000) return [ratioVerdict(what, results, { of: "aqm", to: NODE, limit: 3 })];
  if (size !== 100_000) return [];
  return [
    ratioVerdict(what, results, { of: "aqm", to: "ninja", limit: 1.5 }),
    limitVerdict(`${what}, memory`, medianOf(results.get("aqm"), peak), 400e6, megabytes),
  ];
}

/** @param {Results} results of a no-op at 10,000 */
export const memoryGoals = (results) => [
  limitVerdict(
    `no-op, ${count(10_000)} sources, memory`,
    medianOf(results.get("aqm"), peak),
    90e6,
    megabytes,
  ),
];

/**
 * @param {number} size
 * @param {Results} results
 */
export const editGoals = (size, results) =>
  size === 10_000
    ? [
        ratioVerdict(`one source of ${count(size)} edited`, results, {
          of: "aqm",
          to: "ninja",
          limit: 3,
        }),
      ]
    : [];

/**
 * @param {number} size
 * @param {Results} results
 */
export const fullGoals = (size, results) =>
  size === 1000
    ? [
        ratioVerdict(`full build, ${count(size)} copies`, results, {
          of: "aqm",
          to: "ninja",
          limit: 2,
        }),
      ]
    : [];

/** @param {{ measured: Results, targets: number }} own */
export const ownGoals = ({ measured, targets }) => {
  const whatIn = (/** @type {string} */ state) =>
    `--dry-run of the own Aqmfile, ${count(targets)} targets: ${state}`;
  return [
    ...Object.values(STATES).map((state) => {
      const verdict = limitVerdict(whatIn(state), medianOf(measured.get(state)), 0.25, seconds);
      const cpu = medianOf(measured.get(state), (run) => run.cpuSeconds);
      // No ratio evens out a busy machine here, so the processor time stands beside the clock's.
      return { ...verdict, measured: `${verdict.measured} (CPU ${seconds(cpu)})` };
    }),
    // The Aqmfile is evaluated twice, and both are compared and joined.
    ratioVerdict(whatIn(OVERRIDDEN), measured, { of: OVERRIDDEN, to: STATES.empty, limit: 3 }),
  ];
};

/** @param {{ measured: Results, shardBytes: number, progress: number }} hashed */
export function hashGoals({ measured, shardBytes, progress }) {
  const speed = medianOf(measured.get(HASH.openssl)) / medianOf(measured.get(HASH.first));
  const read = medianOf(measured.get(HASH.again), (run) => run.readBytes ?? NaN);
  // What Node reads of itself, of aqm and of the snapshot is a small part of one shard.
  return [
    {
      what: "first hash of a checkpoint",
      goal: ">= 0.8 of openssl sha256 on all cores",
      measured: Number.isFinite(speed) ? speed.toFixed(2) : "not measured",
      met: Number.isFinite(speed) ? speed >= 0.8 : null,
    },
    {
      what: "progress while it is hashed",
      goal: "shown",
      measured: `${progress} events`,
      met: progress > 0,
    },
    {
      what: "bytes of it read by the next build",
      goal: "0",
      measured: Number.isFinite(read)
        ? `${megabytes(read)} read in all, one shard being ${megabytes(shardBytes)}`
        : "not measured",
      met: Number.isFinite(read) ? read < shardBytes / 2 : null,
    },
  ];
}

/**
 * The cost of a further target must not grow with the number of targets. What does not depend on it,
 * the start, drops out of the difference of two sizes.
 * @param {string} what
 * @param {readonly { size: number, seconds: number }[]} points
 * @returns {Verdict}
 */
export function scalingGoal(what, points) {
  const known = points.filter((point) => Number.isFinite(point.seconds));
  const marginal = known.slice(1).map((point, index) => {
    const before = known[index] ?? point;
    const targets = targetCount(point.size) - targetCount(before.size);
    return ((point.seconds - before.seconds) / targets) * 1e6;
  });
  const [first = NaN] = marginal;
  const last = marginal.at(-1) ?? NaN;
  const steps = marginal.map((value) => `${value.toFixed(1)} µs`).join(", then ");
  return {
    what: `${what}: cost of a further target, ${known.map(({ size }) => count(size)).join(" → ")}`,
    goal: "linear (last step <= 1.2 × first)",
    measured: marginal.length < 2 ? `${steps || "nothing"}; needs three sizes` : steps,
    met: marginal.length < 2 ? null : last <= 1.2 * first,
  };
}

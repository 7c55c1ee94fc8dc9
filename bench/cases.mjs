import { edit, full, noop } from "./cases/graph-cases.mjs";
import { hash } from "./cases/hash.mjs";
import { dryRunOwn } from "./cases/own.mjs";
import * as goals from "./goals.mjs";
import { targetCount } from "./graph.mjs";
import { medianOf } from "./measure.mjs";
import { count, megabytes, resultTable } from "./table.mjs";

/**
 * @typedef {import("./cases/graph-cases.mjs").Bench} Bench
 * @typedef {import("./cases/graph-cases.mjs").Comparison} Comparison
 *
 * @typedef {object} Section What a case has to say.
 * @property {string} title
 * @property {string} table
 * @property {readonly string[]} notes
 *
 * @typedef {object} Report
 * @property {import("./goals.mjs").Verdict[]} verdicts
 * @property {Section[]} sections
 *
 * @typedef {(bench: Bench, graphs: Graphs) => Report} Case
 */

/** Every comparison of a size is made once, however many cases look at it. */
export class Graphs {
  /** @type {Map<string, Comparison>} */
  #known = new Map();
  #bench;

  /** @param {Bench} bench */
  constructor(bench) {
    this.#bench = bench;
  }

  /**
   * @param {"noop" | "edit" | "full"} kind
   * @param {number} size
   */
  get(kind, size) {
    const key = `${kind}-${size}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = { noop, edit, full }[kind](this.#bench, size);
    this.#known.set(key, made);
    return made;
  }
}

/**
 * @param {string} title
 * @param {number} size
 * @param {Comparison} comparison
 * @returns {Section}
 */
const graphSection = (title, size, { measured, skipped }) => ({
  title: `${title}: ${count(size)} sources, ${count(targetCount(size))} targets`,
  table: resultTable(measured),
  notes: skipped.map(({ name, reason }) => `${name} is left out: ${reason}.`),
});

/**
 * @param {"noop" | "edit" | "full"} kind
 * @param {string} title
 * @param {(size: number, results: goals.Results) => import("./goals.mjs").Verdict[]} goalsOf
 * @param {(bench: Bench) => readonly number[]} [sizesOf]
 * @returns {Case}
 */
const graphCase =
  (kind, title, goalsOf, sizesOf = (bench) => bench.sizes) =>
  (bench, graphs) => {
    const sizes = sizesOf(bench);
    return {
      verdicts: sizes.flatMap((size) => goalsOf(size, graphs.get(kind, size).measured)),
      sections: sizes.map((size) => graphSection(title, size, graphs.get(kind, size))),
    };
  };

/** The goal of a full build is for a thousand; a hundred thousand would take most tools hours. */
const forFullBuilds = (/** @type {Bench} */ { sizes }) => {
  const small = sizes.filter((size) => size <= 1000);
  return small.length > 0 ? small : [Math.min(...sizes)];
};

/** @type {Case} */
function memory({ sizes }, graphs) {
  const results = sizes.includes(10_000) ? graphs.get("noop", 10_000).measured : new Map();
  return { verdicts: goals.memoryGoals(results), sections: [] };
}

/** @type {Case} */
function scaling(bench, graphs) {
  const points = (/** @type {"noop" | "edit"} */ kind) =>
    bench.sizes.map((size) => ({
      size,
      seconds: medianOf(graphs.get(kind, size).measured.get("aqm")),
    }));
  const first = bench.sizes.map((size) => {
    const aqm = bench.tools.find(({ name }) => name === "aqm");
    const built = aqm === undefined ? "" : bench.workspaces.built(aqm, size);
    return { size, seconds: typeof built === "string" ? NaN : built.fullSeconds };
  });
  return {
    verdicts: [
      goals.scalingGoal("no-op", points("noop")),
      goals.scalingGoal("one source edited", points("edit")),
      goals.scalingGoal("full build", first),
    ],
    sections: [],
  };
}

/** @type {Case} */
function own(bench) {
  const result = dryRunOwn(bench);
  const { measured, targets } = result;
  return {
    verdicts: goals.ownGoals(result),
    sections: [
      {
        title: `\`--dry-run\` of the repository's own Aqmfile: ${count(targets)} targets`,
        table: resultTable(measured),
        notes: problems(measured),
      },
    ],
  };
}

/** @type {Case} */
function hashing(bench) {
  const result = hash(bench);
  const { measured, shardBytes, fits } = result;
  return {
    verdicts: goals.hashGoals(result),
    sections: [
      {
        title: `first hash of ${(bench.bytes / 1e9).toFixed(1)} GB in shards of ${megabytes(shardBytes)}`,
        table: resultTable(measured, { io: true }),
        notes: [
          ...problems(measured),
          fits
            ? "The shards were in the page cache for both."
            : "The shards did not fit into free memory, so both read from the disk.",
        ],
      },
    ],
  };
}

const problems = (/** @type {goals.Results} */ measured) =>
  [...measured].flatMap(([name, { problem }]) =>
    problem === null ? [] : [`${name}: ${problem}.`],
  );

/**
 * In this order: what leaves a workspace as it was comes first.
 * @type {Readonly<Record<string, Case>>}
 */
export const CASES = {
  noop: graphCase("noop", "nothing to do", goals.noopGoals),
  memory,
  scaling,
  edit: graphCase("edit", "one source edited", goals.editGoals),
  full: graphCase("full", "full build", goals.fullGoals, forFullBuilds),
  "dry-run-own": own,
  hash: hashing,
};

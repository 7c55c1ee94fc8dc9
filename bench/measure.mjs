import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SPAWN = fileURLToPath(new URL("spawn.py", import.meta.url));

/**
 * @typedef {object} Run What one run of a command took.
 * @property {number} code
 * @property {boolean} timedOut
 * @property {number} seconds wall clock
 * @property {number} cpuSeconds user and system, children included
 * @property {number} peakBytes resident, of the biggest process
 * @property {number | null} readBytes by read calls of any kind, children included
 * @property {number | null} diskReadBytes the part of it that was not in the page cache
 * @property {string} output
 *
 * @typedef {object} Command
 * @property {readonly string[]} command
 * @property {string} folder
 * @property {Readonly<Record<string, string>>} [env]
 *
 * @typedef {object} Contender One that takes part in a comparison.
 * @property {string} name
 * @property {Command} run
 * @property {(round: number) => void} [before] not timed
 * @property {(run: Run) => string | null} [after] not timed; says what is wrong with the run
 *
 * @typedef {object} Measured
 * @property {readonly Run[]} runs
 * @property {string | null} problem
 */

/**
 * The environment of everything that is timed. NODE_EXTRA_CA_CERTS alone costs each start of Node
 * 20 some 70 ms (nodejs/node#40524), on whichever side there is a Node.
 * @param {Readonly<Record<string, string>>} [more]
 * @returns {NodeJS.ProcessEnv}
 */
export function timedEnvironment(more = {}) {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, NO_COLOR: "1", ...more };
  for (const name of ["NODE_EXTRA_CA_CERTS", "NODE_OPTIONS", "MAKEFLAGS", "FORCE_COLOR"]) {
    delete env[name];
  }
  for (const name of Object.keys(env)) if (name.startsWith("npm_")) delete env[name];
  return env;
}

/**
 * Runs one command to its end.
 * @param {Command} command
 * @param {number} [limitSeconds]
 * @returns {Run}
 */
export function runOnce({ command, folder, env }, limitSeconds = 3600) {
  const logs = mkdtempSync(join(tmpdir(), "aqm-bench-log-"));
  const log = join(logs, "log");
  try {
    const { output, error } = spawnSync(
      "python3",
      ["-I", "-S", SPAWN, String(Math.max(1, Math.ceil(limitSeconds))), log, ...command],
      { cwd: folder, env: timedEnvironment(env), stdio: ["ignore", "inherit", "inherit", "pipe"] },
    );
    if (error !== undefined) throw error;
    const line = String(output[3]);
    if (line === "") throw new Error(`${command.join(" ")} could not be started in ${folder}`);
    return { ...JSON.parse(line), output: readFileSync(log, "utf8") };
  } finally {
    rmSync(logs, { recursive: true, force: true });
  }
}

/**
 * A B C, A B C, …: what disturbs the machine for a while disturbs all. The first round only warms up.
 * Who has used up the time budget sits out the later rounds, but not before one run counted.
 * @param {readonly Contender[]} contenders
 * @param {{ rounds: number, budgetSeconds: number }} options
 * @returns {Map<string, Measured>}
 */
export function alternate(contenders, { rounds, budgetSeconds }) {
  const states = contenders.map((contender) => ({
    contender,
    runs: /** @type {Run[]} */ ([]),
    spent: 0,
    problem: /** @type {string | null} */ (null),
  }));
  for (let round = -1; round < rounds; round++) {
    for (const state of states) {
      const { contender } = state;
      if (state.problem !== null) continue;
      if (state.spent > budgetSeconds && state.runs.length > 0) continue;
      contender.before?.(round);
      const run = runOnce(contender.run, budgetSeconds * 2);
      state.spent += run.seconds;
      state.problem = problemOf(run, budgetSeconds * 2) ?? contender.after?.(run) ?? null;
      if (state.problem === null && round >= 0) state.runs.push(run);
    }
  }
  return new Map(states.map(({ contender, runs, problem }) => [contender.name, { runs, problem }]));
}

/**
 * @param {Run} run
 * @param {number} limitSeconds
 */
export function problemOf(run, limitSeconds) {
  if (run.timedOut) return `not done in ${Math.round(limitSeconds)} s`;
  if (run.code === 0) return null;
  return `exit code ${run.code}: ${run.output.trim().split("\n").slice(-3).join(" / ").slice(-300)}`;
}

/**
 * @param {readonly number[]} values
 * @returns {{ median: number, low: number, high: number }}
 */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (/** @type {number} */ index) => sorted[index] ?? NaN;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    low: at(0),
    high: at(sorted.length - 1),
  };
}

/**
 * The median over the rounds of what `pick` takes from a run.
 * @param {Measured | undefined} measured
 * @param {(run: Run) => number} [pick] wall seconds if it is not said
 */
export const medianOf = (measured, pick = (run) => run.seconds) =>
  spread((measured?.runs ?? []).map(pick)).median;

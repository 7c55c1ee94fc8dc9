import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyOwn, FAKE_PYTHON, fakeSources, GRID } from "../grid/workspace.mjs";
import { alternate, problemOf, runOnce } from "../measure.mjs";
import { AQM } from "../tools.mjs";
import { settle } from "../workspaces.mjs";
import { bareNode } from "./graph-cases.mjs";

/** @typedef {import("./graph-cases.mjs").Bench} Bench */

const DRY_RUN = [...AQM, "build", "--dry-run", ...GRID];

export const STATES = {
  empty: "nothing built yet",
  edited: "all recorded, one value in conf/ edited",
  long: "all recorded, no snapshot of freshness",
  fresh: "all recorded, nothing changed",
};

/** Nothing built yet, either: the Aqmfile as it is and with another value, as one graph. */
export const OVERRIDDEN = "with --set, nothing built yet";

/**
 * `aqm build --dry-run` on the repository's own Aqmfile with about 10,000 targets, in four states, and with --set.
 * @param {Bench} bench
 */
export function dryRunOwn(bench) {
  const { folder, rounds, budgetSeconds, say } = bench;
  const empty = join(folder, "grid-empty");
  const recorded = join(folder, "grid-recorded");
  say("copying the own Aqmfile");
  const targets = copyOwn(empty);
  copyOwn(recorded);
  fakeSources(recorded);
  say(`recording ${targets} targets of the grid with a stand-in for Python`);
  const record = {
    command: [...AQM, "build", "--python", FAKE_PYTHON, "--gpus", "0", ...GRID],
    folder: recorded,
  };
  for (const _ of ["record", "settle"]) {
    const problem = problemOf(runOnce(record, 3600), 3600);
    if (problem !== null) throw new Error(`recording the grid failed: ${problem}`);
    settle();
  }
  const config = join(recorded, "conf/autoquant/gradient_default.yaml");
  const before = readFileSync(config, "utf8");
  const measured = alternate(
    [
      bareNode(folder),
      {
        name: STATES.empty,
        run: { command: DRY_RUN, folder: empty },
        after: ({ output }) => expect(output, /\n[1-9]\d* to run/),
      },
      {
        name: OVERRIDDEN,
        run: { command: [...DRY_RUN, "--set", "autoquant.effective_bits=6.5"], folder: empty },
        after: ({ output }) => expect(output, /\n[1-9]\d* to run/),
      },
      {
        name: STATES.edited,
        run: { command: DRY_RUN, folder: recorded },
        before: (round) => {
          const bits = `effective_bits: ${(6 + (round + 1) / 100).toFixed(2)}`;
          writeFileSync(config, before.replace(/^effective_bits: .*$/m, bits));
          settle();
        },
        after: ({ output }) => {
          writeFileSync(config, before);
          settle();
          runOnce({ command: DRY_RUN, folder: recorded });
          return expect(output, /\n[1-9]\d* to run/);
        },
      },
      {
        name: STATES.long,
        run: { command: DRY_RUN, folder: recorded },
        before: () => rmSync(join(recorded, ".aqm/fresh"), { recursive: true, force: true }),
        after: ({ output }) => expect(output, /(^|\n)0 to run/),
      },
      {
        name: STATES.fresh,
        run: { command: DRY_RUN, folder: recorded },
        after: ({ output }) => expect(output, /(^|\n)0 to run/),
      },
    ],
    { rounds, budgetSeconds },
  );
  return { measured, targets };
}

/**
 * @param {string} output
 * @param {RegExp} pattern
 */
const expect = (output, pattern) =>
  pattern.test(output) ? null : `unexpected answer: ${output.trim().slice(-200)}`;

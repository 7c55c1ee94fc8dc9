import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { generate } from "./generate.mjs";
import { finalText, outputsOf, sourcePath } from "./graph.mjs";
import { problemOf, runOnce } from "./measure.mjs";
import { toolEnvironment } from "./tools.mjs";

/**
 * @typedef {import("./tools.mjs").FoundTool} FoundTool
 * @typedef {import("./measure.mjs").Run} Run
 */

/** From this size on a tool must first show on a smaller graph that it will be done in time. */
const PROBE = 100;

/** Longer than any clock tick of a file system: what was just written is no longer "racy". */
const SETTLE_MILLISECONDS = 50;

export function settle() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLE_MILLISECONDS);
}

/** The graph in one folder, for one tool. */
export class Workspace {
  /**
   * @param {FoundTool} tool
   * @param {string} folder
   * @param {number} size
   * @param {number} jobs
   */
  constructor(tool, folder, size, jobs) {
    this.tool = tool;
    this.folder = folder;
    this.size = size;
    /** @type {import("./measure.mjs").Command} */
    this.command = { command: tool.build(jobs), folder, env: toolEnvironment(tool) };
    /** Seconds that the first full build took. */
    this.fullSeconds = NaN;
  }

  /**
   * As if nothing had ever been built. What was is put aside, not removed: for minutes afterwards ext4 makes
   * new files the more slowly the more were removed, so a tool would pay for those of its last build.
   */
  clean() {
    const aside = mkdtempSync(`${this.folder}-aside-`);
    ["out", "agg", "final.txt", ...this.tool.state].forEach((name, index) => {
      const path = join(this.folder, name);
      if (existsSync(path)) renameSync(path, join(aside, String(index)));
    });
    for (const name of ["out", "agg"]) mkdirSync(join(this.folder, name));
    settle();
  }

  /**
   * @param {number} index
   * @param {string} text one line
   */
  edit(index, text) {
    writeFileSync(join(this.folder, sourcePath(index)), text);
    settle();
  }

  get final() {
    const path = join(this.folder, "final.txt");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** Inode and times of every output: equal before and after a run that wrote nothing. */
  fingerprint() {
    return outputsOf(this.size)
      .map((path) => {
        const stat = statSync(join(this.folder, path), { bigint: true, throwIfNoEntry: false });
        return stat === undefined ? "missing" : `${stat.ino}:${stat.mtimeNs}`;
      })
      .join("\n");
  }
}

/** Makes, builds and keeps workspaces for as long as the benchmark runs. */
export class Workspaces {
  /** @type {Map<string, Workspace | string>} */
  #made = new Map();
  #folder;
  #jobs;
  #budgetSeconds;
  #say;

  /**
   * @param {object} options
   * @param {string} options.folder
   * @param {number} options.jobs
   * @param {number} options.budgetSeconds for one full build
   * @param {(line: string) => void} options.say
   */
  constructor({ folder, jobs, budgetSeconds, say }) {
    this.#folder = folder;
    this.#jobs = jobs;
    this.#budgetSeconds = budgetSeconds;
    this.#say = say;
  }

  /**
   * A built workspace in which the next build has nothing to do, or why there is none.
   * @param {FoundTool} tool
   * @param {number} size
   * @returns {Workspace | string}
   */
  built(tool, size) {
    const key = `${tool.name}-${size}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = this.#tooSlow(tool, size) ?? this.#make(tool, size);
    if (typeof made === "string") this.#say(`skipped ${tool.name} at ${size}: ${made}`);
    this.#made.set(key, made);
    return made;
  }

  /**
   * @param {FoundTool} tool
   * @param {number} size
   */
  #tooSlow(tool, size) {
    if (tool.quick === true || size <= PROBE) return null;
    const smaller = [...this.#made.keys()]
      .flatMap((key) => (key.startsWith(`${tool.name}-`) ? [Number(key.split("-")[1])] : []))
      .filter((other) => other < size);
    const nearest = this.built(tool, Math.max(PROBE, ...smaller));
    if (typeof nearest === "string") return nearest;
    const expected = (nearest.fullSeconds * size) / nearest.size;
    if (expected <= this.#budgetSeconds) return null;
    return `a full build would take ${Math.round(expected)} s or more, going by ${nearest.size} (budget ${this.#budgetSeconds} s)`;
  }

  /**
   * @param {FoundTool} tool
   * @param {number} size
   * @returns {Workspace | string}
   */
  #make(tool, size) {
    const folder = join(this.#folder, `${tool.name}-${size}`);
    const workspace = new Workspace(tool, folder, size, this.#jobs);
    this.#say(`preparing ${tool.name} at ${size}`);
    rmSync(folder, { recursive: true, force: true });
    generate(tool.name, folder, size);
    settle();
    const limit = tool.quick === true ? 7200 : this.#budgetSeconds;
    const first = runOnce(workspace.command, limit);
    const problem = problemOf(first, limit);
    if (problem !== null) return this.#giveUp(folder, `full build: ${problem}`);
    workspace.fullSeconds = first.seconds;
    if (workspace.final !== finalText(size)) {
      return this.#giveUp(folder, "full build: final.txt is not what it should be");
    }
    settle();
    const wrong = this.#rest(workspace, limit);
    return wrong === null ? workspace : this.#giveUp(folder, wrong);
  }

  /**
   * Builds until nothing is done any more: some tools settle their books only in the second build.
   * @param {Workspace} workspace
   * @param {number} limit
   */
  #rest(workspace, limit) {
    const before = workspace.fingerprint();
    for (let attempt = 0; attempt < 2; attempt++) {
      const problem = problemOf(runOnce(workspace.command, limit), limit);
      if (problem !== null) return `second build: ${problem}`;
      settle();
    }
    return workspace.fingerprint() === before ? null : "a build without changes wrote outputs";
  }

  /**
   * @param {string} folder
   * @param {string} reason
   */
  #giveUp(folder, reason) {
    rmSync(folder, { recursive: true, force: true });
    return reason;
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { finalText } from "../graph.mjs";
import { alternate } from "../measure.mjs";

/**
 * @typedef {import("../tools.mjs").FoundTool} FoundTool
 * @typedef {import("../workspaces.mjs").Workspace} Workspace
 * @typedef {import("../measure.mjs").Contender} Contender
 * @typedef {import("../measure.mjs").Measured} Measured
 *
 * @typedef {object} Bench What every case gets.
 * @property {string} folder
 * @property {readonly FoundTool[]} tools
 * @property {readonly number[]} sizes
 * @property {number} rounds
 * @property {number} budgetSeconds
 * @property {number} bytes
 * @property {number} jobs
 * @property {import("../workspaces.mjs").Workspaces} workspaces
 * @property {(line: string) => void} say
 *
 * @typedef {object} Comparison
 * @property {Map<string, Measured>} measured
 * @property {readonly { name: string, reason: string }[]} skipped
 */

/** How the bare start of Node is called where it runs beside the tools. */
export const NODE = "node, empty script";

/**
 * Nothing to do. Every run is checked to have written nothing.
 * @param {Bench} bench
 * @param {number} size
 */
export const noop = (bench, size) =>
  compare(bench, size, (workspace) => {
    let before = "";
    return {
      before: () => void (before = workspace.fingerprint()),
      after: () => (workspace.fingerprint() === before ? null : "it wrote outputs"),
    };
  });

/**
 * One source edited: three steps follow. Every run is checked to have brought the edit to the end.
 * @param {Bench} bench
 * @param {number} size
 */
export const edit = (bench, size) =>
  compare(bench, size, (workspace) => {
    let text = "";
    return {
      before: () => {
        text = `edited ${randomBytes(8).toString("hex")}\n`;
        workspace.edit(Math.floor(size / 2), text);
      },
      after: () => (workspace.final.includes(text) ? null : "the edit did not reach final.txt"),
    };
  });

/**
 * Everything from nothing: outputs and the tool's whole state are removed before each run.
 * @param {Bench} bench
 * @param {number} size
 */
export const full = (bench, size) =>
  compare(bench, size, (workspace) => ({
    before: () => workspace.clean(),
    after: () =>
      workspace.final.split("\n").length === finalText(size).split("\n").length
        ? null
        : "final.txt is not what it should be",
  }));

/**
 * @param {Bench} bench
 * @param {number} size
 * @param {(workspace: Workspace) => Pick<Contender, "before" | "after">} checks
 * @returns {Comparison}
 */
function compare({ folder, tools, rounds, budgetSeconds, workspaces, say }, size, checks) {
  /** @type {{ name: string, reason: string }[]} */
  const skipped = [];
  /** @type {Contender[]} */
  const contenders = [bareNode(folder)];
  for (const tool of tools) {
    const workspace = workspaces.built(tool, size);
    if (typeof workspace === "string") skipped.push({ name: tool.name, reason: workspace });
    else contenders.push({ name: tool.name, run: workspace.command, ...checks(workspace) });
  }
  say(`measuring ${contenders.map(({ name }) => name).join(", ")} at ${size}`);
  const measured = alternate(contenders, { rounds, budgetSeconds });
  for (const [name, { problem }] of measured) {
    if (problem !== null) skipped.push({ name, reason: problem });
  }
  return { measured, skipped };
}

/**
 * @param {string} folder
 * @returns {Contender}
 */
export function bareNode(folder) {
  writeFileSync(join(folder, "empty.mjs"), "");
  return { name: NODE, run: { command: [process.execPath, "empty.mjs"], folder } };
}

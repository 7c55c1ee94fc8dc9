import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { timedEnvironment } from "../measure.mjs";
import { AQM, REPOSITORY } from "../tools.mjs";

/** What the repository's own Aqmfile needs; the engine stays where it is. */
const PARTS = ["Aqmfile.ts", "conf", "rules", "python"];

/** Some ten thousand targets: analyses of the two large models, of every pair, size, scope and engine. */
export const GRID = [
  "models/qwen3_vl_4b_instruct/layer-analysis",
  "models/qwen2_5_vl_3b_instruct/layer-analysis",
  "datasets",
];

/** Stands in for Python, so that everything can be recorded without a GPU. */
export const FAKE_PYTHON = fileURLToPath(new URL("fake-python.mjs", import.meta.url));

/**
 * The repository's own Aqmfile in a workspace of its own; returns how many targets the grid has.
 * @param {string} folder
 * @returns {number}
 */
export function copyOwn(folder) {
  mkdirSync(folder, { recursive: true });
  const notTests = (/** @type {string} */ path) =>
    !/__pycache__|\/tests$|\/\.[^/]*cache/.test(path);
  for (const part of PARTS) {
    cpSync(join(REPOSITORY, part), join(folder, part), { recursive: true, filter: notTests });
  }
  return listed(folder, GRID).length;
}

/**
 * Puts tiny files where the graph expects big ones that nobody makes: checkpoints and data sets.
 * @param {string} folder
 */
export function fakeSources(folder) {
  for (const { path, kind } of listed(folder, [...GRID, "--sources"])) {
    for (const name of kind === "folder" ? IN_FOLDERS : [""]) {
      const file = join(folder, path, name);
      if (existsSync(file)) continue;
      mkdirSync(dirname(file), { recursive: true });
      // The rule of a checkpoint asks which kind of model the folder holds.
      const family = path.includes("qwen3_vl") ? "qwen3_vl" : "qwen2_5_vl";
      const config = `${JSON.stringify({ model_type: family })}\n`;
      writeFileSync(file, name === "config.json" ? config : `fake ${path}\n`);
    }
  }
}

/** Something for each pattern that a folder's rule may ask for. */
const IN_FOLDERS = ["config.json", "model.safetensors", "train2017/1.jpg", "val2017/2.jpg"];

/**
 * @param {string} folder
 * @param {readonly string[]} options
 * @returns {{ path: string, kind: string }[]}
 */
function listed(folder, options) {
  const [node = "", ...aqm] = AQM;
  const { status, stdout, stderr } = spawnSync(node, [...aqm, "list", "--json", ...options], {
    cwd: folder,
    env: timedEnvironment(),
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`aqm list failed: ${stderr}`);
  return JSON.parse(stdout);
}

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { timedEnvironment } from "../measure.mjs";
import { AQM, REPOSITORY } from "../tools.mjs";

/** What the repository's own Aqmfile needs; the engine stays where it is. */
const PARTS = ["Aqmfile.ts", "conf", "rules", "python"];

/** All targets: without names, only the Aqmfile's defaults would be asked for. */
export const EVERYTHING = ["models", "datasets"];

/** Stands in for Python, so that everything can be recorded without a GPU. */
export const FAKE_PYTHON = fileURLToPath(new URL("fake-python.mjs", import.meta.url));

/**
 * The repository's own Aqmfile in a workspace of its own, with as many synthetic pairs of formats in
 * `conf/` as it takes to declare at least `wanted` targets: every pair meets every size, scope and
 * model there is. The pairs stand for weights × activations × granularities.
 * @param {string} folder
 * @param {number} wanted
 * @returns {{ targets: number, pairs: number }}
 */
export function generateGrid(folder, wanted) {
  mkdirSync(folder, { recursive: true });
  const notTests = (/** @type {string} */ path) =>
    !/__pycache__|\/tests$|\/\.[^/]*cache/.test(path);
  for (const part of PARTS) {
    cpSync(join(REPOSITORY, part), join(folder, part), { recursive: true, filter: notTests });
  }
  const pairs = join(folder, "conf/quant_pair");
  const own = readdirSync(pairs).sort();
  const before = countTargets(folder);
  addPair(pairs, own[0] ?? "", 0);
  const perPair = countTargets(folder) - before;
  if (perPair <= 0) throw new Error("another pair in conf/quant_pair declares no other target");
  const more = Math.max(1, Math.ceil((wanted - before) / perPair));
  for (let index = 1; index < more; index++) {
    addPair(pairs, own[index % own.length] ?? "", index);
  }
  return { targets: countTargets(folder), pairs: own.length + more };
}

/**
 * A variant of a real pair that differs in its name and in one value.
 * @param {string} folder
 * @param {string} template
 * @param {number} index
 */
function addPair(folder, template, index) {
  const [, weight = "", activation = ""] = /^(w[^_]+)_(a[^.]+)\.yaml$/.exec(template) ?? [];
  const name = `${weight}g${index}_${activation}`;
  const text = readFileSync(join(folder, template), "utf8")
    .replace(/^name: .*$/m, `name: ${name}`)
    .replace(/^format_name: (.*)$/m, `format_name: $1_G${index}`);
  writeFileSync(join(folder, `${name}.yaml`), text);
}

/** @param {string} folder */
function countTargets(folder) {
  return listed(folder, []).length;
}

/**
 * Puts tiny files where the graph expects big ones that nobody makes: checkpoints and data sets.
 * @param {string} folder
 */
export function fakeSources(folder) {
  for (const { path, kind } of listed(folder, ["--sources"])) {
    for (const name of kind === "folder" ? IN_FOLDERS : [""]) {
      const file = join(folder, path, name);
      if (existsSync(file)) continue;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `fake ${path}\n`);
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

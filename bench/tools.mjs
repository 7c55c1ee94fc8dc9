import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { timedEnvironment } from "./measure.mjs";

export const REPOSITORY = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const PEERS = join(REPOSITORY, "bench/.peers");
const PYTHON_BIN = join(PEERS, "python/bin");
const NODE_BIN = join(PEERS, "node/node_modules/.bin");
const PATH = [PYTHON_BIN, NODE_BIN, process.env["PATH"] ?? ""].join(delimiter);

export const AQM = [process.execPath, join(REPOSITORY, "bin/aqm.js")];

/**
 * @typedef {object} Tool
 * @property {string} name
 * @property {"aqm" | "system" | "python" | "node"} source where it comes from
 * @property {readonly string[]} version command that prints it
 * @property {(jobs: number) => readonly string[]} build
 * @property {readonly string[]} state what it keeps in the workspace, besides the outputs
 * @property {boolean} [quick] never skipped for being slow
 * @property {Readonly<Record<string, string>>} [env]
 *
 * @typedef {Tool & { versionText: string }} FoundTool
 */

/** @type {readonly Tool[]} */
export const TOOLS = [
  {
    name: "aqm",
    source: "aqm",
    version: [...AQM, "--version"],
    build: () => [...AQM, "build"],
    state: [".aqm", "aqm.lock"],
    quick: true,
  },
  {
    name: "ninja",
    source: "python",
    version: ["ninja", "--version"],
    build: (jobs) => ["ninja", "--quiet", `-j${jobs}`],
    state: [".ninja_log", ".ninja_deps"],
    quick: true,
  },
  {
    name: "make",
    source: "system",
    version: ["make", "--version"],
    build: (jobs) => ["make", "-s", "-r", "-R", `-j${jobs}`],
    state: [],
    quick: true,
  },
  {
    name: "doit",
    source: "python",
    version: ["doit", "--version"],
    build: (jobs) => ["doit", "-n", `${jobs}`, "-v0"],
    state: [".doit.db", ".doit.db.db", ".doit.db.dat", ".doit.db.dir", ".doit.db.bak"],
  },
  {
    name: "dvc",
    source: "python",
    version: ["dvc", "--version"],
    build: () => ["dvc", "repro", "-q"],
    state: ["dvc.lock", ".dvc/cache", ".dvc/tmp", ".dvc/site"],
    env: { DVC_NO_ANALYTICS: "1", DVC_SITE_CACHE_DIR: ".dvc/site" },
  },
  {
    name: "snakemake",
    source: "python",
    version: ["snakemake", "--version"],
    build: (jobs) => ["snakemake", "--cores", `${jobs}`, "--quiet", "all"],
    state: [".snakemake"],
  },
  {
    name: "wireit",
    source: "node",
    version: [
      "node",
      "-p",
      `require(${JSON.stringify(join(NODE_BIN, "../wireit/package.json"))}).version`,
    ],
    build: () => ["npm", "run", "--silent", "final"],
    state: [".wireit"],
    env: { WIREIT_LOGGER: "simple" },
  },
  {
    name: "turbo",
    source: "node",
    version: ["turbo", "--version"],
    build: (jobs) => ["turbo", "run", "final", `--concurrency=${jobs}`, "--output-logs=none"],
    state: [".turbo", "node_modules/.cache"],
    env: { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" },
  },
];

/** @param {Tool} tool */
export const toolEnvironment = (tool) => ({ PATH, ...tool.env });

/**
 * The wanted tools that are there, those missing being installed first, and why the others are not.
 * @param {readonly string[]} names
 * @param {(line: string) => void} say
 * @returns {{ found: FoundTool[], skipped: { name: string, reason: string }[] }}
 */
export function findTools(names, say) {
  const wanted = TOOLS.filter(({ name }) => names.includes(name));
  const problems = installPeers(wanted, say);
  /** @type {FoundTool[]} */
  const found = [];
  /** @type {{ name: string, reason: string }[]} */
  const skipped = [];
  for (const tool of wanted) {
    const versionText = versionOf(tool);
    if (versionText !== null) found.push({ ...tool, versionText });
    else {
      const reason = problems.get(tool.name) ?? `${tool.version[0] ?? tool.name} does not run here`;
      skipped.push({ name: tool.name, reason });
    }
  }
  return { found, skipped };
}

/** @param {Tool} tool */
function versionOf(tool) {
  const [program = "", ...args] = tool.version;
  const env = timedEnvironment(toolEnvironment(tool));
  const { status, stdout } = spawnSync(program, args, { env, encoding: "utf8" });
  if (status !== 0) return null;
  return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? "unknown version";
}

/**
 * Installs what `peers.json` pins, each tool by itself, so that one that fails leaves the others.
 * @param {readonly Tool[]} tools
 * @param {(line: string) => void} say
 */
function installPeers(tools, say) {
  const pinned = JSON.parse(readFileSync(join(REPOSITORY, "bench/peers.json"), "utf8"));
  /** @type {Map<string, string>} */
  const problems = new Map();
  for (const { name, source } of tools) {
    if (source !== "python" && source !== "node") continue;
    const version = pinned[source][name];
    const mark = join(PEERS, source, `.${name}-${version}`);
    if (existsSync(mark)) continue;
    say(`installing ${name} ${version}`);
    const problem = source === "python" ? pip(name, version) : npm(name, version);
    if (problem === null) writeFileSync(mark, "");
    else problems.set(name, `${name} ${version} did not install: ${problem}`);
  }
  return problems;
}

/**
 * @param {string} name
 * @param {string} version
 */
function pip(name, version) {
  const python = join(PYTHON_BIN, "python");
  if (!existsSync(python)) {
    const made = attempt("python3", ["-m", "venv", join(PEERS, "python")]);
    if (made !== null) return made;
  }
  return attempt(python, ["-m", "pip", "install", "--quiet", `${name}==${version}`]);
}

/**
 * @param {string} name
 * @param {string} version
 */
function npm(name, version) {
  const folder = join(PEERS, "node");
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, "package.json"))) {
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  }
  const options = ["--save-exact", "--no-audit", "--no-fund", "--prefix", folder];
  return attempt("npm", ["install", ...options, `${name}@${version}`]);
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {string | null} the last line of what went wrong
 */
function attempt(program, args) {
  const options = { encoding: /** @type {const} */ ("utf8"), timeout: 600_000 };
  const { status, stderr, error } = spawnSync(program, args, options);
  if (status === 0) return null;
  return error?.message ?? stderr.trim().split("\n").at(-1) ?? `exit code ${status}`;
}

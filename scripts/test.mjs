// `npm test`: formatting, types and lint, then the TypeScript and the Python tests, side by side
// where that pays. Needs nothing installed beforehand: aqm makes the Python environment itself.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);

const python = environment();
const tools = developmentTools(python);
const pythonPath = { ...process.env, PYTHONPATH: [tools, join(root, "python")].join(":") };

const checks = [
  step("prettier", "npx", ["prettier", "--check", "--log-level", "warn", "."]),
  step("tsc", "npx", ["tsc", "--noEmit"]),
  step("tsc, graph in browsers", "npx", ["tsc", "--noEmit", "-p", "src/ui/web"]),
  step("tsc, pages in browsers", "npx", ["tsc", "--noEmit", "-p", "src/analysis/page/client"]),
  step("eslint", "npx", ["eslint", "."]),
  step("ruff", python, ["-m", "ruff", "check", "python"], pythonPath),
  step("ruff format", python, ["-m", "ruff", "format", "--check", "python"], pythonPath),
  step("vitest", "npx", ["vitest", "run", ...process.argv.slice(2)], {
    ...process.env,
    AQM_TEST_PYTHON: python,
  }),
  step("pytest", python, ["-m", "pytest", "-q", "python/tests"], pythonPath),
];

const started = performance.now();
// Two lanes, since a small machine has two cores: the quick checks and pytest beside vitest.
const lanes = [
  checks.filter(({ name }) => name === "vitest"),
  checks.filter(({ name }) => name !== "vitest"),
];
const results = (await Promise.all(lanes.map(inTurn))).flat();
for (const { name, code, seconds, output } of results.filter(({ code }) => code !== 0)) {
  console.log(`\n=== ${name} failed (exit ${code}, ${seconds.toFixed(0)} s) ===\n${output}`);
}
console.log("");
for (const { name, code, seconds } of results) {
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} ${seconds.toFixed(1)} s`);
}
console.log(`in ${((performance.now() - started) / 1000).toFixed(0)} s`);
const failed = results.filter(({ code }) => code !== 0).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** The interpreter of the environment that aqm makes from python/requirements.lock. */
function environment() {
  const made = spawnSync(process.execPath, ["bin/aqm.js", "environment", "modelopt"], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (made.status !== 0) process.exit(made.status ?? 1);
  return made.stdout.trim();
}

/** pytest and ruff, beside the environment instead of in it: what is tested stays what is locked. */
function developmentTools(interpreter) {
  const lock = "python/requirements-dev.lock";
  const stamp = createHash("sha256").update(readFileSync(lock)).update(interpreter).digest("hex");
  const folder = join(root, ".aqm", "development-tools");
  if (existsSync(join(folder, stamp))) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const version = spawnSync(
    interpreter,
    ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
    { encoding: "utf8" },
  );
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--root-user-action=ignore",
    "--no-deps",
  ];
  const target = [
    "--require-hashes",
    "--only-binary=:all:",
    "--python-version",
    version.stdout.trim(),
    "--target",
    folder,
    "-r",
    lock,
  ];
  const installed = spawnSync("python3", [...pip, ...target], { stdio: "inherit" });
  if (installed.status !== 0) process.exit(1);
  writeFileSync(join(folder, stamp), "");
  return folder;
}

function step(name, command, args, env = process.env) {
  return { name, run: () => collect(command, args, env) };
}

async function inTurn(steps) {
  const done = [];
  for (const { name, run } of steps) {
    const begin = performance.now();
    const { code, output } = await run();
    const seconds = (performance.now() - begin) / 1000;
    console.log(`--- ${name} (${seconds.toFixed(1)} s)\n${tail(output)}`);
    done.push({ name, code, seconds, output });
  }
  return done;
}

function collect(command, args, env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => (output += text));
    child.on("error", (error) => resolve({ code: 1, output: String(error) }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

function tail(text) {
  return text.trimEnd().split("\n").slice(-12).join("\n");
}

// `npm test`: formatting, types and lint, then the TypeScript and the Python tests, side by side
// where that pays. Needs nothing installed beforehand: aqm makes the Python environment itself.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.mjs";
import { lint, perform, step, vitest } from "./steps.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

await bundle();
const python = environment();
const tools = developmentTools(python);
const pythonPath = { PYTHONPATH: [tools, join(root, "python")].join(":") };

// Two lanes, since a small machine has two cores: the quick checks and pytest beside vitest.
await perform(
  [vitest("vitest", process.argv.slice(2), { AQM_TEST_PYTHON: python })],
  [
    step("pytest", python, ["-m", "pytest", "-q", "python/tests"], pythonPath),
    step("ruff", python, ["-m", "ruff", "check", "python"], pythonPath),
    step("ruff format", python, ["-m", "ruff", "format", "--check", "python"], pythonPath),
    ...lint(),
  ],
);

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

// What the Python tests and checks run in: an environment that aqm makes, and tools beside it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { step } from "./steps.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A step `python -m …` that finds the development tools and the runner. */
export const pythonStep = (name, interpreter, args, env = {}) =>
  step(name, interpreter, ["-m", ...args], {
    PYTHONPATH: [developmentTools(interpreter), join(root, "python")].join(":"),
    ...env,
  });

/** The Python tests with a mark, in each environment. */
export const pytest = (pythons, marks) =>
  Object.entries(pythons).map(([name, interpreter]) =>
    pythonStep(`pytest, ${name}`, interpreter, ["pytest", "-q", "-m", marks, "python/tests"]),
  );

/** The interpreter of an environment of the Aqmfile, which aqm makes where it is not there yet. */
export function environment(name) {
  const made = spawnSync(process.execPath, ["bin/aqm.js", "environment", name], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (made.status !== 0) process.exit(made.status ?? 1);
  return made.stdout.trim();
}

/** The interpreters, by name: of all environments but large ones, and of those large ones that are named. */
export function environments(large = []) {
  const made = spawnSync(process.execPath, ["bin/aqm.js", "environment", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (made.status !== 0) process.exit(made.status ?? 1);
  const usual = JSON.parse(made.stdout).map(({ name, python }) => [name, python]);
  return Object.fromEntries([...usual, ...large.map((name) => [name, environment(name)])]);
}

/** pytest and ruff, beside the environment instead of in it: what is tested stays what is locked. */
export function developmentTools(interpreter) {
  const lock = "python/requirements-dev.lock";
  const version = spawnSync(
    interpreter,
    ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
    { encoding: "utf8" },
  ).stdout.trim();
  // All environments are made from one Python, so that the tools of one are those of all.
  const stamp = createHash("sha256").update(readFileSync(lock)).update(version).digest("hex");
  const folder = join(root, ".aqm", "development-tools");
  if (existsSync(join(folder, stamp))) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
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
    version,
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

// `npm run published`: makes the results that are committed, checks them as a fresh clone would, and says what to
// commit. docs/contributing.md says when.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { targets, folders } = JSON.parse(readFileSync("scripts/published.json", "utf8"));
const TEST = "tests/e2e/published.test.ts";
/** A file above this is worth a second thought: it stays in the history for ever. */
const LARGE = 300_000;

await bundle();
run("node", ["bin/aqm.js", "build", ...targets]);
run("npx", ["vitest", "run", TEST]);

const places = [...new Set([...targets, ...folders])].flatMap((place) => [
  place,
  targets.includes(place) && /\.\w+$/.test(place) ? `aqm.lock/${place}.json` : `aqm.lock/${place}`,
]);
const files = git("ls-files", "--cached", "--others", "--exclude-standard", "--", ...places);
const changed = git("status", "--porcelain", "--untracked-files=all", "--", ...places);
const sizes = files.filter(existsSync).map((path) => [statSync(path).size, path]);
const bytes = sizes.reduce((sum, [size]) => sum + size, 0);
console.log(
  `\n${files.length} files, ${(bytes / 1e6).toFixed(1)} MB; ${changed.length} differ from the last commit`,
);
for (const [size, path] of sizes.filter(([size]) => size > LARGE))
  console.log(`  large: ${path}, ${(size / 1e3).toFixed(0)} kB`);
// `XY path`, so that a place is named only where something below it differs: Git refuses a path that it does not know.
const paths = changed.map((line) => line.slice(3));
const named = places.filter((place) =>
  paths.some((path) => path === place || path.startsWith(`${place}/`)),
);
if (named.length > 0)
  console.log(`Commit them with your change:\n  git add -A -- ${named.join(" ")}`);

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

function git(command, ...args) {
  return execFileSync("git", [command, "-z", ...args], { encoding: "utf8", maxBuffer: 1e8 })
    .split("\0")
    .filter((line) => line !== "");
}

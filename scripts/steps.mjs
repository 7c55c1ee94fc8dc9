// Steps of `npm run check` and `npm test`: what each is, and how several run side by side.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);

/** Beside the packages, so that `npm ci`, which may change what a tool finds, empties it. */
const CACHE = "node_modules/.cache/aqm";
mkdirSync(CACHE, { recursive: true });

export function step(name, command, args, env = {}) {
  return { name, run: () => collect(command, args, { ...process.env, ...env }) };
}

const tool = (name, ...args) => step(name, "npx", args);

const typescript = (name, project) => tool(name, "tsc", "--noEmit", "-p", project);

/** Formatting. */
export const prettier = () =>
  tool(
    "prettier",
    "prettier",
    "--check",
    "--log-level",
    "warn",
    ".",
    "--cache",
    "--cache-strategy",
    "content",
    "--cache-location",
    `${CACHE}/prettier`,
  );

/** Types and rules in a tenth of the time that tsc and ESLint take. */
export const oxlint = () => tool("oxlint", "oxlint", "--type-aware", "--type-check");

/** What oxlint stands for, by those that it stands for: CI runs these. The slowest comes first. */
export const lint = () => [
  tool("eslint", "eslint", "."),
  prettier(),
  typescript("tsc", "."),
  typescript("tsc, graph in browsers", "src/ui/web"),
  typescript("tsc, pages in browsers", "src/analysis/page/client"),
  step("oxlint's rules", "node", ["scripts/oxlint-rules.mjs", "--check"]),
];

/** What each command of tests runs: projects of Vitest, and the mark by which pytest chooses. */
export const suites = JSON.parse(readFileSync("tests/suites.json", "utf8")).commands;

export const vitest = (name, projects, args = [], env = {}) =>
  step(
    name,
    "npx",
    ["vitest", "run", ...projects.flatMap((project) => ["--project", project]), ...args],
    env,
  );

/** How many steps run at a time: a small machine has two cores. */
const LANES = 2;

/** Runs steps, each lane the next one that waits; ends this process with 1 if a step failed. */
export async function perform(steps) {
  const started = performance.now();
  const waiting = [...steps];
  const results = (await Promise.all(Array.from({ length: LANES }, () => lane(waiting)))).flat();
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
}

async function lane(waiting) {
  const done = [];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { name, run } = next;
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

// `npm run test:soak`: many random timelines, golden keys under other circumstances, the whole crash
// matrix, and what npm test takes a sample of. `--runs N` timelines over all families (default: a whole
// soak), `--seed S`, `--time-limit SECONDS` for the timelines of each family,
// `--only timelines|keys|crash|sizes|pairs|trained|quality|serving`. docs/testing.md has a table.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { bundle } from "./bundle.mjs";
import { environment, pythonStep } from "./python.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { values: options } = parseArgs({
  options: {
    runs: { type: "string" },
    seed: { type: "string" },
    "time-limit": { type: "string" },
    only: { type: "string" },
  },
});
/** What a whole soak plays; each family has its share (tests/timelines/families.ts). */
const WHOLE = [...readFileSync("tests/timelines/families.ts", "utf8").matchAll(/soak: (\d+)/g)]
  .map(([, count]) => Number(count))
  .reduce((sum, count) => sum + count, 0);

/** Each file once: some are in the project `engines` as well. */
const VITEST = ["vitest", "run", "--project", "test"];
const scratch = mkdtempSync(join(tmpdir(), "aqm-soak-"));
const rows = [];
const parts = { timelines, keys, crash, sizes, pairs, trained, quality, serving };
for (const [name, part] of Object.entries(parts)) {
  if (options.only === undefined || options.only === name) await part();
}
rmSync(scratch, { recursive: true, force: true });
table(["what", "seed", "timelines", "steps", "builds", "seconds", "result"], rows);
process.exitCode = rows.every((row) => row.at(-1) === "ok") ? 0 : 1;

function timelines() {
  const seed = options.seed ?? String(Date.now() % 0x7fffffff);
  const runs = Number(options.runs ?? WHOLE);
  console.log(`${runs} timelines with seed ${seed}`);
  const report = join(scratch, "report");
  const limit = options["time-limit"];
  const { seconds, code } = run("npx", [...VITEST, "tests/timelines"], {
    AQM_TIMELINES: String(runs / WHOLE),
    AQM_SEED: seed,
    AQM_TIMELINES_REPORT: report,
    ...(limit === undefined ? {} : { AQM_SECONDS: limit }),
  });
  const tally = new Map();
  for (const line of read(report).split("\n").filter(Boolean)) {
    const row = JSON.parse(line);
    const result = row.failure === null ? "ok" : "FAILED, see above";
    rows.push([
      row.family,
      row.seed,
      row.timelines,
      row.steps,
      row.builds,
      row.seconds.toFixed(0),
      result,
    ]);
    for (const [property, count] of row.tally)
      tally.set(property, (tally.get(property) ?? 0) + count);
  }
  const counted = [...tally].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  table(["property", "times put to the test"], counted);
  const all = (column) => rows.reduce((sum, row) => sum + row[column], 0);
  rows.push([
    "all timelines, regressions too",
    seed,
    all(2),
    all(3),
    all(4),
    seconds,
    code === 0 ? "ok" : "FAILED",
  ]);
}

/** P13: other locale, time zone and folder, and another Node where npm can fetch one. */
async function keys() {
  const bundle = join(scratch, "keys.mjs");
  const entry = "src/keys/describe.ts";
  await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "node",
    outfile: bundle,
  });
  const program = [join(process.cwd(), "tests/timelines/golden-keys.mjs"), bundle];
  program.push(join(process.cwd(), "tests/engine/golden-keys.json"));
  const circumstances = [
    ["as it is", process.execPath, {}],
    [
      "Turkish, in Kathmandu",
      process.execPath,
      { LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", TZ: "Asia/Kathmandu" },
    ],
    ["no locale, in Apia", process.execPath, { LC_ALL: "C", LANG: "", TZ: "Pacific/Apia" }],
    ["no ICU data", process.execPath, { NODE_ICU_DATA: scratch }],
    ...[22, 24].flatMap((version) => otherNode(version)),
  ];
  for (const [name, node, env] of circumstances) {
    const { code, seconds } = run(node, program, env, scratch);
    rows.push([`golden keys: ${name}`, "", "", "", "", seconds, code === 0 ? "ok" : "FAILED"]);
  }
}

/** The path of another Node, or nothing where it cannot be had. */
function otherNode(version) {
  const asked = ["-y", `--package=node@${version}`, "--", "node", "-p", "process.execPath"];
  const { stdout, status } = spawnSync("npx", asked, { encoding: "utf8", timeout: 120_000 });
  const path = (stdout ?? "").trim();
  if (status === 0 && path !== "") return [[`Node ${version}`, path, {}]];
  console.log(`Node ${version} could not be fetched, so the keys were not tried with it.`);
  return [];
}

function crash() {
  const seed = options.seed ?? "0";
  const what = "crash matrix, every call to the disk; damage to one byte in six";
  whole(what, ["tests/crash"], { AQM_SEED: seed }, seed);
}

function sizes() {
  whole("graphs at full size, many rounds for one device", [
    "tests/engine/extremes.test.ts",
    "tests/e2e/gpu-leases.test.ts",
  ]);
}

function quality() {
  whole("plans of the trained model, measured", ["tests/e2e/measured-trained.test.ts"]);
}

/** Vitest with AQM_SOAK. */
function whole(what, files, env = {}, seed = "") {
  const { seconds, code } = run("npx", [...VITEST, ...files], { AQM_SOAK: "1", ...env });
  rows.push([what, seed, "", "", "", seconds, code === 0 ? "ok" : "FAILED"]);
}

function pairs() {
  return python("every pair against a lone call of ModelOpt", "test_scores_equal_modelopt.py");
}

function trained() {
  const what = "the trained model, trained again, against the committed one";
  return python(what, "test_training.py");
}

/** The real vLLM on sound and spoilt folders and on exports of every family, on a CPU and on invented GPUs. */
async function serving() {
  await bundle();
  const folders = join(scratch, "served");
  const base = "models/qwen3_vl_trained/checkpoint";
  run(environment("modelopt"), ["python/tests/served_folders.py", base, folders], {});
  const families = join(scratch, "families");
  mkdirSync(families);
  run(environment("modelopt"), ["python/tests/family_folders.py", families], {
    PYTHONPATH: "python:python/tests",
  });
  const variables = { AQM_SERVED_FOLDERS: folders, AQM_FAMILY_FOLDERS: families };
  await python("the real vLLM on folders, sound and spoilt", "in_vllm", "vllm", variables);
  const whole = [
    "vitest",
    "run",
    "--project",
    "engines",
    "tests/e2e/family-schemes.engines.test.ts",
  ];
  const { code, seconds } = run("npx", whole, { AQM_SERVES: "1" });
  rows.push(["from weights to vLLM", "", "", "", "", seconds, code === 0 ? "ok" : "FAILED"]);
}

/** A file or folder of Python tests with AQM_SOAK. */
async function python(what, file, name = "modelopt", variables = {}) {
  await bundle();
  const begin = performance.now();
  const args = ["pytest", "-q", `python/tests/${file}`];
  const { code, output } = await pythonStep("", environment(name), args, {
    AQM_SOAK: "1",
    ...variables,
  }).run();
  console.log(output);
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  rows.push([what, "", "", "", "", seconds, code === 0 ? "ok" : "FAILED"]);
}

function run(command, args, env, cwd = process.cwd()) {
  const begin = performance.now();
  const { status } = spawnSync(command, args, {
    env: { ...process.env, ...env },
    cwd,
    stdio: "inherit",
  });
  return { code: status, seconds: ((performance.now() - begin) / 1000).toFixed(0) };
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function table(header, lines) {
  const all = [header, ...lines].map((line) => line.map(String));
  const widths = header.map((_, column) => Math.max(...all.map((line) => line[column].length)));
  const text = all.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
  console.log(`\n${text.join("\n")}\n`);
}

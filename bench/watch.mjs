// How long an edit takes until `aqm watch` has published what follows from it. Real files, the real command
// line, the real report writers; no Python, since the scores are there already.
//
//   node bench/watch.mjs [--edits 20] [--runs 1] [--only writer,rule] [--keep] [--profile FOLDER] [--trace]
//
// The time on a busy machine says little; the processor time of aqm and its bundler stands beside it.
// Measured from just before the file is written to the moment when the published file has the new bytes.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const REPOSITORY = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const GOAL = 150;
const { values: options } = parseArgs({
  options: {
    edits: { type: "string", default: "20" },
    runs: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    keep: { type: "boolean", default: false },
    profile: { type: "string", default: "" },
    trace: { type: "boolean", default: false },
  },
});

const MARK = "edit number ";
const README = "analysis/README.md";
const REPORT = "analysis/a/per-layer-sensitivity.md";

/** What is edited, how, and where it shows. Each edit replaces what stands after the mark. */
const EDITS = {
  writer: { file: "src/analysis/report/markdown-report.ts", shows: REPORT },
  op: { file: "rules/ops/readme.ts", shows: README },
  template: { file: "templates/readme.md", shows: README },
  config: { file: "conf/readme/plain.yaml", shows: README },
  rule: { file: "rules/readme.ts", shows: README },
  aqmfile: { file: "Aqmfile.ts", shows: README },
};

let edited = 0;
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const root = makeWorkspace();
const watching = startWatch(root);
const rows = [];
try {
  await watching.settled(1);
  await pause(1500);
  const wanted = options.only === "" ? Object.keys(EDITS) : options.only.split(",");
  for (const name of wanted) {
    const times = [];
    let cpu = 0;
    for (let index = 0; index < Number(options.edits); index++) {
      const waits = watching.waits();
      const before = watching.cpu();
      times.push(await timeOf(EDITS[name], `${name}-${index}`));
      cpu += watching.cpu() - before;
      // The next edit begins when the watch has been waiting for a while, as it does for a person.
      await watching.settled(waits + 1);
      await pause(300);
    }
    times.sort((a, b) => a - b);
    rows.push({ name, file: EDITS[name].file, times, cpu: cpu / times.length });
  }
} finally {
  watching.end();
  await watching.ended;
  if (options.keep) console.log(`kept: ${root}`);
  else fs.rmSync(root, { recursive: true, force: true });
}
console.log(
  `| edit of | median ms | min | max | CPU, mean | n |\n| --- | ---: | ---: | ---: | ---: | ---: |`,
);
let slow = 0;
for (const { name, file, times, cpu } of rows) {
  const median = (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2;
  if (median > GOAL) slow += 1;
  const cells = [median, times[0], times.at(-1), cpu].map((time) => time.toFixed(0));
  console.log(`| ${name} (\`${file}\`) | ${cells.join(" | ")} | ${times.length} |`);
}
console.log(`goal: median of at most ${GOAL} ms; ${rows.length - slow} of ${rows.length} reach it`);
process.exitCode = slow > 0 ? 1 : 0;

/** A copy of the repository with an Aqmfile of its own: runs, their reports, and a README. */
function makeWorkspace() {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-watch-")));
  for (const part of ["package.json", "bin", "conf", "dist", "rules", "src"]) {
    fs.cpSync(join(REPOSITORY, part), join(folder, part), { recursive: true });
  }
  fs.symlinkSync(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
  const write = (path, text) => {
    fs.mkdirSync(dirname(join(folder, path)), { recursive: true });
    fs.writeFileSync(join(folder, path), text);
  };
  const runs = [..."abcdefghijklmnopqrstuvwxyz"].slice(0, Number(options.runs));
  for (const run of runs) write(`scores/${run}.json`, scoresText(run));
  write("templates/readme.md", `# Runs\n\n${MARK}0\n`);
  write("conf/readme/plain.yaml", `title: ${MARK}0\n`);
  const schema = { type: "object", required: ["title"], properties: { title: { type: "string" } } };
  write("conf/schema/readme.schema.json", JSON.stringify(schema));
  write(
    "rules/ops/readme.ts",
    `import { ok, type OpCall, type OpOutputs, type OpFailure, type Result } from "aqm";
export const version = 1;
export function run({ params, inputs }: OpCall<{ words: string[] }, "template" | "report">): Result<OpOutputs<"readme">, OpFailure> {
  const words = ["${MARK}0", ...params.words].join("\\n");
  return ok({ readme: inputs.template.text() + words + inputs.report.text().slice(0, 80) });
}
`,
  );
  write(
    "rules/readme.ts",
    `import { action, committed, file, typescriptOp, type Input } from "aqm";
const op = typescriptOp<typeof import("./ops/readme.ts")>("rules/ops/readme.ts");
export const readme = (report: Input, words: string[]) =>
  action({
    op,
    params: { words: ["${MARK}0", ...words] },
    inputs: { template: file("templates/readme.md"), report },
    outputs: { readme: committed("${README}") },
  });
`,
  );
  write("Aqmfile.ts", aqmfileText(runs));
  const writer = join(folder, EDITS.writer.file);
  const text = fs.readFileSync(writer, "utf8");
  const heading = /(?<=## )Per-layer[^"`]*/;
  if (!heading.test(text)) throw new Error(`${EDITS.writer.file} writes no such heading`);
  fs.writeFileSync(writer, text.replace(heading, `${MARK}0 $&`));
  return folder;
}

function aqmfileText(runs) {
  return `import { action, build, committed, configuration, file, from, typescriptOp } from "aqm";
import { formatOf } from "./rules/formats.ts";
import { readme } from "./rules/readme.ts";
const manifestOp = typescriptOp<typeof import("./rules/ops/manifest.ts")>("aqm/rules/ops/manifest.ts");
const markdown = typescriptOp<typeof import("./rules/ops/markdown-report.ts")>("aqm/rules/ops/markdown-report.ts");
const json = typescriptOp<typeof import("./rules/ops/json-report.ts")>("aqm/rules/ops/json-report.ts");
const { title } = configuration<{ title: string }>("readme", "plain");
const format = formatOf(configuration("quant_pair", "wfp8_afp8"), configuration("granularity", "default"));
if (!format.ok) throw new Error(format.failure.message);
const { quantizers } = format.value;
const dataset = { name: "coco2017", size: "small", root: "data", captions_path: "captions.txt", vlm_calib_db: null, max_calib_samples: 16 };
const reports = ${JSON.stringify(runs)}.map((run) => {
  const manifest = action({
    op: manifestOp,
    params: { scheme: run, effective_bits: 8, score_size: 128, model_id: "m", quantizers, dataset },
    inputs: { scores: file(\`scores/\${run}.json\`) },
    outputs: { manifest: committed(\`analysis/\${run}/manifest.json\`) },
  });
  const inputs = { manifest: from(manifest, "manifest") };
  const report = action({ op: markdown, params: {}, inputs, outputs: { report: committed(\`analysis/\${run}/per-layer-sensitivity.md\`) } });
  return [report, action({ op: json, params: {}, inputs, outputs: { report: committed(\`analysis/\${run}/per-layer-sensitivity.json\`) } })] as const;
});
export default build([reports, readme(from(reports[0]![0], "report"), [title, "${MARK}0"])]);
`;
}

function scoresText(run) {
  const layers = Array.from({ length: 276 }, (_, index) => `model.layers.${index}.mlp.up_proj`);
  return JSON.stringify({
    schema: 2,
    engine: "modelopt",
    format: { name: "FP8_DEFAULT_CFG", charged_bits: 8, modelopt: { quant_cfg: {} } },
    method: "gradient",
    scope: "lm",
    measured: {
      calibration_samples: 16,
      calibration_batches: 2,
      score_samples: 16,
      score_batches: 2,
      score_tokens: 2000,
      batch_size: 8,
      sequence_length: 512,
    },
    environment: { python: "3.11.0", torch: "2.11.0" },
    groups: layers.map((layer, index) => ({
      name: layer,
      modules: [layer],
      weights: 1024,
      enabled: true,
      score: ((index * 7919 + run.charCodeAt(0)) % 1009) / 1009 + 0.001,
      executions: 2,
    })),
    modules: layers.map((name) => ({ name, type: "QuantLinear" })),
  });
}

function startWatch(folder) {
  const { NODE_EXTRA_CA_CERTS: _unused, ...env } = process.env;
  const profile = options.profile === "" ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`];
  const child = spawn(
    process.execPath,
    [...profile, join(folder, "bin/aqm.js"), "watch", "--reporter", "json", "--jobs", "2"],
    { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] },
  );
  let waits = 0;
  let wake = () => undefined;
  const failures = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = JSON.parse(line);
    if (options.trace)
      console.log(`${(performance.now() - edited).toFixed(0)} ${line.slice(0, 120)}`);
    if (event.type === "failure" || event.type === "action_failed") failures.push(line);
    if (event.type === "waiting") waits += 1;
    wake();
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const until = async (fits) => {
    while (!fits()) await new Promise((resolve) => (wake = resolve));
    if (failures.length > 0) throw new Error(failures.join("\n"));
  };
  return {
    settled: (times) => until(() => waits >= times),
    waits: () => waits,
    cpu: () => cpuOf(child.pid) + childrenOf(child.pid).reduce((sum, pid) => sum + cpuOf(pid), 0),
    end: () => child.kill("SIGINT"),
    ended,
  };
}

function childrenOf(pid) {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
}

/** Milliseconds of processor time so far, as Linux counts it: in steps of ten. */
function cpuOf(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Milliseconds from the write of a source to the publication of what follows. */
async function timeOf({ file, shows }, mark) {
  const source = join(root, file);
  const text = fs.readFileSync(source, "utf8").replace(/edit number [\w-]+/, MARK + mark);
  const shown = join(root, shows);
  const published = new Promise((resolve, reject) => {
    const watcher = fs.watch(dirname(shown), () => {
      if (!fs.readFileSync(shown, "utf8").includes(MARK + mark)) return;
      const now = performance.now();
      watcher.close();
      resolve(now);
    });
    watcher.on("error", reject);
  });
  const started = (edited = performance.now());
  fs.writeFileSync(source, text);
  return (await published) - started;
}

// Asks the real vLLM what it takes: every form in which a pair of conf/ can be exported, in both export formats,
// on every device of the serving check. Writes src/analysis/formats/served.ts. It needs the environment vllm
// (8.9 GB) and takes some minutes: run it after a change of vLLM's, ModelOpt's or compressed-tensors' version.
// `--keep FOLDER` works there and leaves the folders to be looked at; with `--read` it only reads the answers there.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { format, resolveConfig } from "prettier";
import { parse } from "yaml";
import { bundle } from "./bundle.mjs";
import { environment } from "./python.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { values: options } = parseArgs({
  options: { keep: { type: "string" }, read: { type: "boolean" } },
});

const MODEL = "qwen3_vl_trained";
const DATA = "src/analysis/formats/served.ts";
const DEVICES = { cpu: "cpu", sm80: "8.0", sm89: "8.9", sm90: "9.0", sm100: "10.0" };
/** Nothing is measured here: every layer is said to see inputs up to this magnitude. */
const INPUT = 8;

const versions = { vllm: "" };
const work = options.keep ?? mkdtempSync(join(tmpdir(), "aqm-served-"));
mkdirSync(work, { recursive: true });
await bundle();
const forms = await formsOf();
const started = performance.now();
if (options.read !== true) {
  writeByHand(forms.filter(({ byHand }) => byHand !== null));
  workspace(forms);
  ask(forms);
}
const answers = forms.map(answerOf);
await writeData(answers);
console.log(`${forms.length} forms in ${((performance.now() - started) / 1000).toFixed(0)} s`);
if (options.keep === undefined) rmSync(work, { recursive: true, force: true });

/** Every way to store a pair or a granularity of one in an export format, each once. */
async function formsOf() {
  const entry = join(work, "forms.ts");
  const from = (path) => JSON.stringify(join(process.cwd(), "src/analysis", path));
  writeFileSync(
    entry,
    `export { storedForm } from ${from("schemes/stored-form.ts")};
export { applyGranularity } from ${from("formats/granularity.ts")};
export { described, exportLabel } from ${from("formats/export-label.ts")};
export { capability, KNOWN_MODELOPT } from ${from("formats/capability.ts")};`,
  );
  const outfile = join(work, "forms.mjs");
  await build({ entryPoints: [entry], outfile, bundle: true, format: "esm", logLevel: "error" });
  const analysis = await import(pathToFileURL(outfile).href);
  const found = new Map();
  for (const pair of configsOf("quant_pair")) {
    for (const granularity of configsOf("granularity")) {
      const merged = analysis.applyGranularity(pair.quantizers, granularity);
      if (!merged.ok) continue;
      for (const exported of ["modelopt", "compressed_tensors"]) {
        if ("because" in analysis.storedForm(merged.value, exported)) continue;
        const { weight, input } = merged.value;
        const [weights, activations] = [weight, input].map(analysis.described);
        const key = `${exported}, ${weights}, ${activations}`;
        if (!found.has(key)) found.set(key, formOf(pair, merged.value, exported, analysis));
      }
    }
  }
  return [...found.values()].map((each, index) => ({ ...each, name: `form_${index}` }));
}

function formOf(
  pair,
  quantizers,
  exported,
  { described, exportLabel, capability, KNOWN_MODELOPT },
) {
  const { weight, input } = quantizers;
  const on = (quantizer_name, cfg) => ({ quantizer_name, cfg, enable: true });
  const scored = capability(quantizers, {
    device: { kind: "cpu" },
    modelopt: KNOWN_MODELOPT,
    purpose: "score",
  });
  const here = scored.verdict === "supported";
  return {
    pair: pair.name,
    exported,
    weights: described(weight),
    activations: described(input),
    label: exported === "modelopt" ? exportLabel(quantizers) : null,
    config: {
      quant_cfg: [
        { quantizer_name: "*", enable: false },
        on("*weight_quantizer", weight),
        ...(input === null ? [] : [on("*input_quantizer", input)]),
      ],
      algorithm: pair.algorithm,
    },
    // ModelOpt writes NVFP4 on a GPU alone, while the library compressed-tensors writes its own anywhere.
    because: here ? null : scored.because,
    byHand: here || exported === "modelopt" ? null : input === null ? "nvfp4a16" : "nvfp4",
  };
}

function configsOf(group) {
  const files = readdirSync(join("conf", group)).sort();
  return files.map((file) => parse(readFileSync(join("conf", group, file), "utf8")));
}

/** Folders that the library compressed-tensors writes without ModelOpt. */
function writeByHand(byHand) {
  if (byHand.length === 0) return null;
  const folder = join(work, "written");
  rmSync(folder, { recursive: true, force: true });
  const base = `models/${MODEL}/checkpoint`;
  const names = [...new Set(byHand.map((each) => each.byHand))];
  const program = ["python/tests/served_folders.py", base, folder, ...names];
  succeed(environment("modelopt"), program, process.cwd());
  return folder;
}

/** An Aqmfile with an export and its checks for each form; a wrong one holds up no other. */
function workspace(all) {
  mkdirSync(join(work, "rules"), { recursive: true });
  for (const name of ["modelopt", "vllm"])
    cpSync(`rules/${name}.ts`, join(work, `rules/${name}.ts`));
  rmSync(join(work, "base"), { recursive: true, force: true });
  symlinkSync(join(process.cwd(), `models/${MODEL}/checkpoint`), join(work, "base"));
  const groups = groupsOf(JSON.parse(readFileSync(join(work, "base/config.json"), "utf8")));
  const layers = Object.fromEntries(groups.flat().map((layer) => [layer, INPUT]));
  write("ranges.json", { schema: 1, op: "input_ranges", scope: "lm", environment: {}, layers });
  for (const { name } of all) {
    write(`plan-${name}.json`, {
      schema: 1,
      groups: groups.map((modules) => ({ name: modules[0], modules })),
      plans: [{ name: "scheme", formats: groups.map(() => name) }],
    });
  }
  write("forms.json", all);
  writeFileSync(
    join(work, "Aqmfile.ts"),
    `import { action, build, file, folder, from, local, pythonOp } from "aqm";
import { modelopt } from "./rules/modelopt.ts";
import { vllm } from "./rules/vllm.ts";

const forms: any[] = ${JSON.stringify(all)};
const devices = ${JSON.stringify(DEVICES)};
const declare: any = action;

export default build(forms.flatMap(({ name, exported, config, because, byHand }) => {
  if (because !== null && byHand === null) return [];
  const made = byHand !== null ? null : declare({
    op: pythonOp(exported + "_export", modelopt),
    params: { scope: "lm", dtype: "float32", candidates: [{ name, config }], include_lm_head: false },
    inputs: { checkpoint: folder("base"), plan: file("plan-" + name + ".json"), ranges: file("ranges.json") },
    outputs: { checkpoint: local("exported/" + name, "folder"), check: local("checks/" + name + ".json") },
  });
  const checkpoint = made === null ? folder("written/" + byHand) : from(made, "checkpoint");
  return Object.entries(devices).map(([device, capability]) => declare({
    op: pythonOp("serving_check", vllm),
    params: { device: device === "cpu" ? { kind: "cpu" } : { kind: "invented", capability } },
    inputs: { checkpoint },
    outputs: { status: local("status/" + name + "-" + device + ".json") },
    batch: { apart: ["checkpoint"] },
  }));
}));
`,
  );
}

/** The layers of the text model that a server fuses, as the checkpoint names them. */
function groupsOf({ text_config: { num_hidden_layers: count } }) {
  return Array.from({ length: count }, (_, layer) => {
    const path = (name) => `model.language_model.layers.${layer}.${name}_proj`;
    return [
      ["self_attn.q", "self_attn.k", "self_attn.v"],
      ["self_attn.o"],
      ["mlp.gate", "mlp.up"],
      ["mlp.down"],
    ].map((names) => names.map(path));
  }).flat();
}

function write(name, content) {
  writeFileSync(join(work, name), `${JSON.stringify(content)}\n`);
}

/**
 * Builds all that can be built. Exports come first, and only what they made is checked: so the checks of a device
 * wait for nothing, are one batch, and vLLM starts once for each device.
 */
function ask(all) {
  aqm("exported");
  aqm(
    ...all
      .filter((each) => existsSync(folderOf(each)))
      .flatMap(({ name }) => Object.keys(DEVICES).map((device) => `status/${name}-${device}.json`)),
  );
}

function aqm(...targets) {
  const program = [join(process.cwd(), "bin/aqm.js"), "build", ...targets, "--keep-going"];
  spawnSync(process.execPath, program, { cwd: work, stdio: "inherit" });
}

function folderOf({ name, byHand }) {
  return join(work, byHand === null ? `exported/${name}` : `written/${byHand}`);
}

function succeed(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (status !== 0) throw new Error(`${basename(command)} ${args.join(" ")} ended with ${status}`);
}

function answerOf(form) {
  const { name, pair, exported, weights, activations, label, because, byHand } = form;
  const given = { exported, weights, activations, label, pair };
  if (because !== null && byHand === null)
    return { ...given, obtained: `not run: ${because}`, devices: null };
  if (!existsSync(folderOf(form)))
    return { ...given, obtained: "not run: the export refuses it", devices: null };
  const devices = Object.keys(DEVICES).map((device) => [device, statusOf(name, device)]);
  const obtained = byHand === null ? "exported" : "by the library alone";
  return { ...given, obtained, devices: Object.fromEntries(devices) };
}

/** A check that failed leaves no status: then there is no answer, and this script ends with an error. */
function statusOf(name, device) {
  const path = join(work, `status/${name}-${device}.json`);
  const { vllm, status, level, reason } = JSON.parse(readFileSync(path, "utf8"));
  versions.vllm = vllm;
  return { status, level, reason: reason === null ? null : reason.slice(0, 240) };
}

/** A line for each form: it is data, and nothing to read through. */
async function writeData(all) {
  const head = `vllm: ${JSON.stringify(versions.vllm)}, model: ${JSON.stringify(MODEL)}`;
  const text = `// Made by \`node scripts/served-formats.mjs\`, which asks the real vLLM; run that, do not edit this.
import type { ServedForms } from "./served-answer.ts";

// prettier-ignore
export const SERVED: ServedForms = { ${head}, forms: [
${all.map((form) => `  ${JSON.stringify(form)},`).join("\n")}
] };
`;
  writeFileSync(DATA, await format(text, { ...(await resolveConfig(DATA)), parser: "typescript" }));
}

#!/usr/bin/env node
// Stands in for Python, so that thousands of scoring actions are recorded in a minute: it speaks the
// runner protocol, and every job is done at once. The scores are well formed and mean nothing.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

if (process.argv[2] === "-c") {
  console.log(JSON.stringify(versions(process.argv.slice(4))));
  process.exit(0);
}

if (process.argv[2] === "-m" && process.argv[3] !== "aqm_runner") process.exit(0); // nothing to prepare

let sequence = 0;
const emit = (/** @type {object} */ event) =>
  writeSync(3, `${JSON.stringify({ seq: sequence++, time: Date.now() / 1000, ...event })}\n`);

emit({ type: "hello", pid: process.pid, python: "3.11.0", ops: {} });
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { job, actions } = JSON.parse(line);
    for (const action of actions) {
      for (const [role, output] of Object.entries(action.outputs)) write(role, output, action);
      const cost = { seconds: 600, gpu_seconds: 600 };
      const shared = { job, action: action.id };
      emit({ type: "resource", ...shared, peak_memory_bytes: 1, peak_gpu_memory_bytes: null });
      emit({ type: "result", ...shared, ...cost, tools: { fake: "1" }, facts: {} });
    }
    emit({ type: "idle", job });
  })
  .on("close", () => process.exit(0));

/** The versions that the requirements ask for. */
function versions(/** @type {readonly string[]} */ names) {
  const files = readdirSync("python").filter((name) => name.endsWith(".in"));
  const texts = files.map((name) => readFileSync(`python/${name}`, "utf8"));
  const pinned = texts.join("\n").matchAll(/^([\w-]+)==(\S+)/gm);
  const wanted = new Map([...pinned].map(([, name, version]) => [name, version]));
  return Object.fromEntries([
    ["python", "3.11.0"],
    ...names.map((name) => [name, wanted.get(name) ?? "1.0"]),
  ]);
}

/**
 * @param {string} role
 * @param {{ path: string, kind: string }} output
 * @param {{ id: string, params: Record<string, any> }} action
 */
function write(role, { path, kind }, { id, params }) {
  if (kind === "folder") {
    mkdirSync(path, { recursive: true });
    writeFileSync(`${path}/file.json`, `{ "made_for": ${JSON.stringify(id)} }\n`);
  } else writeFileSync(path, role === "scores" ? scoresText(id, params) : `${id} ${role}\n`);
}

/**
 * @param {string} id
 * @param {Record<string, any>} params
 */
function scoresText(id, { format, scope }) {
  const noise = createHash("sha256").update(id).digest();
  const layers = [...Array.from({ length: 8 }, (_, index) => `layers.${index}.mlp`), "lm_head"];
  const samples = { calibration_samples: 128, calibration_batches: 16 };
  return JSON.stringify({
    schema: 2,
    engine: "modelopt",
    format: { name: format.name, charged_bits: 8, modelopt: format.config },
    method: "gradient",
    scope,
    measured: {
      ...samples,
      score_samples: 128,
      score_batches: 16,
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
      score: (1 + (noise[index] ?? 0)) / 256,
      executions: 16,
    })),
    modules: layers.map((name) => ({ name, type: "QuantLinear" })),
  });
}

#!/usr/bin/env node
// Stands in for Python where plans are measured: data and checkpoints are a word, scores and the divergence of a
// plan follow from names by simple rules. In `.measured` it notes each op that it carries out, a line each. An exported
// folder holds the plan, and its digest; with `.one-checkpoint` there all exports hold the same weights, as a bug once
// had it.
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answerWith } from "../rig/answering-runner.mjs";

const SAMPLES = 40;
const BLOCKS = 6;
const LAYERS = ["self_attn.o_proj", "mlp.down_proj"];
const names = Array.from({ length: BLOCKS }, (_, block) =>
  LAYERS.map((layer) => `model.language_model.layers.${block}.${layer}`),
).flat();

/** What a layer suffers from few bits: the later, the more. */
const damage = (name) => 2 ** names.indexOf(name);
const bitsOf = (format) => Number(/(?:int|fp)(\d)/i.exec(format)?.[1] ?? 16);
const lossAt = (name, format) => (format === "NONE" ? 0 : damage(name) * 4 ** -bitsOf(format));

const around = (value) => ({ value, low: value, high: value });

answerWith(({ params, inputs, outputs }) => {
  const note = (op) => appendFileSync(".measured", `${op}\n`);
  for (const [role, { path }] of Object.entries(outputs)) {
    if (outputs.check !== undefined) {
      if (role === "checkpoint") note("export");
      exportPlan(role, path, inputs.plan.path);
    } else if (role === "status") {
      note("serve");
      writeFileSync(path, JSON.stringify(status()));
    } else if (role === "scores") {
      note(`score ${params.format.name}`);
      writeFileSync(path, JSON.stringify(scores(params)));
    } else if (role === "quality" && inputs.plan !== undefined) {
      const plan = JSON.parse(readFileSync(inputs.plan.path, "utf8"));
      const one = params.leaked ? "leaked" : plan.plans[0].name;
      note(`measure ${plan.plans.length > 1 ? "alone" : one}`);
      writeFileSync(path, JSON.stringify(quality("plan_quality", params, plan)));
    } else if (role === "quality") {
      note(`recipe ${params.recipe}`);
      const groups = names.map((name) => ({ name }));
      const plans = [{ name: params.recipe, formats: names.map(() => "int8") }];
      writeFileSync(path, JSON.stringify(quality("recipe_quality", params, { groups, plans })));
    } else if (role === "answers") {
      note("answer");
      writeFileSync(path, JSON.stringify(answers(params)));
    } else if (role === "search") {
      note(`search ${params.measurements}`);
      const problem = JSON.parse(readFileSync(inputs.problem.path, "utf8"));
      writeFileSync(path, JSON.stringify(searched(params, problem)));
    } else if (role === "tensors") {
      note("tensors");
      writeFileSync(path, JSON.stringify(tensors()));
    } else if (["images", "checkpoint"].includes(role)) {
      note(role);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, role === "images" ? "0.jpg" : "config.json"), "{}");
    } else {
      writeFileSync(path, role);
    }
  }
});

const sha = (text) => createHash("sha256").update(text).digest("hex");

function exportPlan(role, path, from) {
  const { groups, plans } = JSON.parse(readFileSync(from, "utf8"));
  const [{ formats }] = plans;
  const said = groups.map(({ name }, g) => `${name} ${formats[g]}`);
  if (role === "checkpoint") {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "model.safetensors"), said.join("\n"));
    return;
  }
  const quantized = said.filter((line) => !line.endsWith("NONE"));
  const check = {
    schema: 1,
    op: "compressed_tensors_export",
    plan: sha(said.join("\n")),
    scope: "lm",
    bytes: 100_000,
    weight_bytes: 90_000,
    quantized_layers: quantized.length,
    kept_layers: said.length - quantized.length,
    formats: { wfp8_afp8: quantized.length },
    layers: [],
    weights: sha(existsSync(".one-checkpoint") ? "" : quantized.join("\n")),
    logits: { largest_difference: 0, kl: 0, tolerance: 1e-6, tokens: 9 },
    gates: ["plan_and_files"],
  };
  writeFileSync(path, JSON.stringify(check));
}

const status = () => ({
  schema: 1,
  op: "serving_check",
  vllm: "1.0",
  device: "cpu",
  status: "loads strictly (not run)",
  level: null,
  reason: null,
  trace: null,
  by_default: "loads",
  unquantized: [],
  compared: { parameters: names.length, different: [] },
  answers: null,
});

function scores({ scope, format, method }) {
  const engine = method === "squared_error" ? "weight_error" : "modelopt";
  return {
    schema: 2,
    engine,
    format: { name: format.name, charged_bits: bitsOf(format.name), [engine]: format.config },
    method,
    scope,
    measured: {
      calibration_samples: 16,
      calibration_batches: 2,
      score_samples: 16,
      score_batches: 2,
      score_tokens: 160,
      batch_size: 8,
      sequence_length: 128,
    },
    environment: { torch: "1.0" },
    groups: names.map((name) => ({
      name,
      modules: [name],
      weights: 4096,
      enabled: true,
      score: lossAt(name, format.name),
      executions: 2,
    })),
    modules: names.map((name) => ({ name, type: "Linear" })),
  };
}

/** Weights of 4096 numbers, one of whose layers no block of 128 divides. */
function tensors() {
  const shapeOf = (name) => (name === names.at(-1) ? [64, 64] : [32, 128]);
  const list = names.map((name) => ({
    name: `${name}.weight`,
    dtype: "F32",
    shape: shapeOf(name),
  }));
  return { schema: 1, bytes: 4 * 4096 * list.length, tensors: list };
}

/** Says "yes" to everything, and quantized "no" to the last prompt. */
function answers({ scope, prompts: { texts, image_text, images }, max_new_tokens }) {
  const prompts = [
    ...texts.map((prompt) => ({ prompt, image: null })),
    ...Array.from({ length: images }, () => ({ prompt: image_text, image: "0.jpg" })),
  ];
  const answer = (text) => ({ tokens: [text.length, 1], pieces: [text, ""], text, ended: true });
  const isLast = (n) => n === prompts.length - 1;
  const at = (n) => (isLast(n) ? [0] : []);
  return {
    schema: 1,
    op: "plan_answers",
    scope,
    settings: { max_new_tokens, decoding: "greedy" },
    environment: { torch: "1.0" },
    prompts,
    unquantized: prompts.map(() => answer("yes")),
    plans: [
      {
        name: "plan",
        answers: prompts.map((_, n) => ({
          ...answer(isLast(n) ? "no" : "yes"),
          first_difference: isLast(n) ? 0 : null,
          different: { unquantized: at(n), plan: at(n) },
        })),
      },
    ],
  };
}

function quality(op, { scope, leaked }, { groups, plans }) {
  const sampleTokens = Array.from({ length: SAMPLES }, (_, n) => 5 + (n % 7));
  const tokens = sampleTokens.reduce((sum, count) => sum + count, 0);
  return {
    schema: 1,
    op,
    scope,
    ...(leaked ? { leaked } : {}),
    held_out: { samples: SAMPLES, tokens, batches: 1 },
    environment: { torch: "1.0" },
    reference: { loss: around(1), perplexity: around(Math.E) },
    sample_tokens: sampleTokens,
    plans: plans.map(({ name, formats }) => {
      const sum = formats.reduce((all, format, g) => all + lossAt(groups[g].name, format), 0);
      const sampleKl = sampleTokens.map((count, n) => count * sum * (1 + (n % 3)));
      const kl = sampleKl.reduce((all, one) => all + one, 0) / tokens;
      const few = plans.length > 1;
      const figures = [
        "kl_p95",
        "kl_p99",
        "top1_agreement",
        "loss",
        "perplexity",
        "logit_mse",
        "logit_mse_last",
        "perplexity_ratio",
        "kl_last",
      ];
      return {
        name,
        kl: around(kl),
        ...Object.fromEntries(figures.map((figure) => [figure, few ? { value: kl } : around(kl)])),
        ...(few ? {} : { sample_kl: sampleKl }),
      };
    }),
  };
}

/** The best of the given plans, without a move: the first that keeps a goal, or the start that loses least. */
function searched({ scope, candidates, measurements, seed }, problem) {
  const { unit, limit, goal, groups, starts, frontier } = problem;
  const given = goal === null ? starts : frontier;
  const plans = given.map(({ name, formats }, n) => {
    const sum = formats.reduce((all, format, g) => all + lossAt(groups[g].name, format), 0);
    const cost = formats.reduce(
      (all, format, g) => all + groups[g].candidates.find((of) => of.format === format).cost,
      0,
    );
    const kl = { value: sum };
    return { name: name ?? `frontier_${n}`, cost, formats, search: kl, confirm: around(sum) };
  });
  const byLoss = plans.toSorted((a, b) => a.confirm.value - b.confirm.value);
  const met = goal === null ? null : byLoss[0].confirm.value <= goal.bound;
  const found = met === true ? plans.find(({ confirm }) => confirm.value <= goal.bound) : byLoss[0];
  return {
    schema: 1,
    op: "measured_search",
    scope,
    candidates: candidates.map(({ name }) => name),
    unit,
    limit,
    goal,
    settings: { measurements, seed },
    held_out: {},
    environment: { torch: "1.0" },
    measured: plans.length,
    exhausted: true,
    moves: { tried: 0, better_on_search: 0, kept: 0 },
    groups: groups.map(({ name }) => name),
    starts: plans,
    began: met === false ? null : found.name,
    found: { ...found, name: undefined, met },
    steps: [],
  };
}

import * as fs from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { REPOSITORY, TestWorkspace, type Finished } from "../rig/workspace.ts";
import { WIDE } from "../rig/wide.ts";

/**
 * The main job on real ModelOpt: a copy of this repository, its own Aqmfile, the tiny Qwen3-VL. One
 * build serves all tests, since importing PyTorch takes a dozen seconds. Builds that start Python once
 * more are in main-job.engines.test.ts.
 */
const RUN =
  "models/qwen3_vl_tiny/layer-analysis/weight-fp8-act-fp8/qwen3_vl_tiny_autoquant_wfp8_afp8_lm_small";
const SCORES = `${RUN}/sensitivity-scores.json`;
const MANIFEST = `${RUN}/wfp8_afp8_autoquant_lm_quant_manifest.json`;
const CONFIG = `${RUN}/composed-config.yaml`;
const REPORTS = ["md", "json", "html"].map((kind) => `${RUN}/per-layer-sensitivity.${kind}`);
const README = fs.readFileSync(join(REPOSITORY, "README.md"), "utf8");

let workspace: TestWorkspace;
let first: Awaited<ReturnType<TestWorkspace["build"]>>;

beforeAll(async () => {
  workspace = TestWorkspace.copyOfRepository();
  workspace.onlyModels("qwen3_vl_tiny");
  first = await workspace.build([RUN]);
});
afterAll(() => workspace.remove());

const verdicts = async (target: string): Promise<Readonly<Record<string, string>>> => {
  const { stdout } = await workspace.aqm(["build", "--dry-run", "--json", target]);
  const { actions } = JSON.parse(stdout) as { actions: { target: string; verdict: string }[] };
  return Object.fromEntries(
    actions.filter(({ verdict }) => verdict !== "fresh").map((a) => [a.target, a.verdict]),
  );
};
const digest = (path: string): string =>
  createHash("sha256")
    .update(fs.readFileSync(workspace.path(path)))
    .digest("hex");

describe("the main job", () => {
  it("goes through ModelOpt to reports, counting its steps", () => {
    expect(first.stderr).toBe("");
    expect(first.code).toBe(0);
    expect(first.ran).toEqual(expect.arrayContaining([SCORES, MANIFEST, ...REPORTS]));
    const phases = first.events.flatMap((event) =>
      event.type === "action_phase" && event.target === SCORES ? [event.name] : [],
    );
    expect(phases).toEqual(expect.arrayContaining(["load", "calibrate", "score"]));
    const scored = first.events.filter(
      (event) => event.type === "action_step" && event.target === SCORES,
    );
    expect(scored.at(-1)).toMatchObject({ done: 2 }); // 16 captions in batches of 8
    const record = JSON.parse(workspace.read(`aqm.lock/${SCORES}.json`)) as {
      tools: object;
      facts: object;
      cost: { peak_memory_bytes: number };
    };
    expect(record.tools).toMatchObject({ "nvidia-modelopt": "0.47.0", transformers: "5.17.0" });
    expect(record.facts).toMatchObject({ score_samples: 16, score_batches: 2, device_kind: "cpu" });
    expect(record.cost.peak_memory_bytes).toBeGreaterThan(100_000_000);
    expect(JSON.stringify(record)).not.toContain(workspace.root);
    // The answer is remembered: nothing in the rules makes the Aqmfile look unsteady.
    expect(fs.readdirSync(workspace.path(".aqm/fresh"))).not.toEqual([]);
  });

  it("writes a manifest and reports whose figures agree", () => {
    const manifest = JSON.parse(workspace.read(MANIFEST)) as {
      autoquant_state: { constraints: { effective_bits: number } };
      layer_sensitivity: Record<string, { scores: number[] }>;
    };
    const report = JSON.parse(workspace.read(REPORTS[1] ?? "")) as {
      layer_sensitivity: { layer: string; sensitivity: number }[];
    };
    const markdown = workspace.read(REPORTS[0] ?? "");
    const bits = manifest.autoquant_state.constraints.effective_bits.toFixed(4);
    expect(markdown).toContain(`**Effective bits (from search):** \`${bits}\``);
    const [top] = report.layer_sensitivity;
    const handle = `${top?.layer ?? ""}.quant_recipe`;
    expect(manifest.layer_sensitivity[handle]?.scores[0]).toBe(top?.sensitivity);
    expect(markdown).toMatch(
      new RegExp(`\\|\\n\\|${top?.layer.replaceAll(".", "\\.") ?? ""}\\|8\\.0\\|`),
    );
    // Text alone never reaches the vision tower: those layers are kept, not called robust.
    expect(markdown).toContain("|model.visual.blocks.0.attn.qkv|16.0|0.000e+00|");
    expect(markdown).toContain("kept at 16 bits");
    const page = workspace.read(REPORTS[2] ?? "");
    expect(page).toContain(
      `<th scope=row>${(top?.layer ?? "").replace("model.language_model.", "").replaceAll(".", ".<wbr>")}<td>`,
    );
    expect(page).toContain(`${SCORES}<td class=digest>sha256:${digest(SCORES)}`);
    expect(page).not.toContain(workspace.root);
  });

  it("has as many actions as the README shows", async () => {
    const [, folder = "", shown = ""] =
      /^\$ npx aqm build (\S+)\n(\d+ actions .*)$/m.exec(README) ?? [];
    const sum = (counts: string): number =>
      [...counts.matchAll(/\d+/g)].reduce((all, [count]) => all + Number(count), 0);
    const { stdout } = await workspace.aqm(["build", "--dry-run", "--json", folder]);
    const { actions } = JSON.parse(stdout) as { actions: readonly object[] };
    expect(actions).toHaveLength(sum(shown));
    const ends = [...README.matchAll(/^done: (\d+ ran, \d+ fresh) in/gm)];
    expect(ends.map(([, counts = ""]) => sum(counts))).toEqual([sum(shown), sum(shown)]);
  });

  it("runs nothing the second time", async () => {
    const second = await workspace.build([RUN]);
    expect(second.ran).toEqual([]);
    expect(second.events.at(-1)).toMatchObject({ type: "build_finished", ran: 0, exitCode: 0 });
  });

  it("leaves the composed config beside the run, without a word of this machine", () => {
    const text = workspace.read(CONFIG);
    expect(parse(text)).toMatchObject({
      model: { name: "qwen3_vl_tiny", path: "models/qwen3_vl_tiny/checkpoints/tiny" },
      dataset: { size: "small", max_calib_samples: 16 },
      quant_pair: { name: "wfp8_afp8" },
      autoquant: { score_size: 128, batch_size: 8, scope: "lm" },
    });
    expect(text).not.toContain(workspace.root);
  });

  it.runIf(WIDE)(
    "sweeps over a budget without scoring again, and leaves what is published alone",
    async () => {
      const before = REPORTS.map(digest);
      const args = ["quant_pair=wfp8_afp8", "autoquant.effective_bits=8.0,9.5", RUN];
      const swept = await workspace.aqm(["sweep", "--json", ...args], {
        env: { AQM_PYTHON: "/nonexistent/python" },
      });
      expect(swept.code).toBe(0);
      const variant = `tmp/autoquant.effective_bits=9.5/${RUN}`;
      const { cells } = JSON.parse(swept.stdout.trim().split("\n").at(-1) ?? "") as {
        cells: { outcome: string; results: string[] }[];
      };
      expect(cells.map(({ outcome }) => outcome)).toEqual(["fresh", "ran"]);
      expect(cells[1]?.results).toContain(`${variant}/per-layer-sensitivity.json`);
      expect(workspace.exists(`${variant}/sensitivity-scores.json`)).toBe(false);
      expect(workspace.read(`${variant}/composed-config.yaml`)).toContain("effective_bits: 9.5");
      expect(REPORTS.map(digest)).toEqual(before);
    },
  );

  it("after a word changes in the Markdown writer, only Markdown reports are stale, and no Python starts", async () => {
    workspace.edit(
      "src/analysis/report/markdown-report.ts",
      "AutoQuant Layer Sensitivity",
      "Layer Sensitivity",
    );
    const markdown = REPORTS[0] ?? "";
    expect(await verdicts(RUN)).toEqual({ [markdown]: "run" });
    const none = { AQM_PYTHON: "/nonexistent/python" };
    const built = await workspace.build([RUN], { env: none });
    expect(built.ran).toEqual([markdown]);
    expect(built.code).toBe(0);
    expect(workspace.read(markdown)).toMatch(/^Layer Sensitivity \(wfp8_afp8_autoquant_lm\)$/m);
  });

  it("a changed budget solves again and scores nothing", async () => {
    workspace.edit(
      "conf/autoquant/gradient_default.yaml",
      "effective_bits: 8.0",
      "effective_bits: 10.0",
    );
    expect(await verdicts(RUN)).toMatchObject({ [MANIFEST]: "run" });
    const built = await workspace.build([RUN], { env: { AQM_PYTHON: "/nonexistent/python" } });
    expect(built.ran).not.toContain(SCORES);
    expect(built.code).toBe(0);
    workspace.edit(
      "conf/autoquant/gradient_default.yaml",
      "effective_bits: 10.0",
      "effective_bits: 8.0",
    );
    await workspace.build([RUN]);
  });

  it("a changed score size makes scoring stale, with the old and the new value", async () => {
    workspace.edit("conf/autoquant/gradient_default.yaml", "score_size: 128", "score_size: 64");
    const why = await workspace.aqm(["why", SCORES]);
    expect(why.stdout).toContain("because params.score_size: 128 → 64");
    workspace.edit("conf/autoquant/gradient_default.yaml", "score_size: 64", "score_size: 128");
    expect(await verdicts(RUN)).toEqual({});
  });
});

describe("bad input to the main job", () => {
  const failure = (finished: Finished): string => finished.stdout + finished.stderr;

  it("a format that the device cannot run is skipped, and whoever asks for it is told why", async () => {
    const target = RUN.replace("weight-fp8-act-fp8", "weight-nvfp4-act-fp16").replace(
      "wfp8_afp8",
      "wfp4_afp16",
    );
    const named = await workspace.aqm(["build", target]);
    expect(named.code).toBe(2);
    expect(failure(named)).toContain(`${target} is skipped: NVFP4 needs a CUDA device`);
    expect(failure(named)).toMatch(/next {4}\S/);
    const all = await workspace.aqm([
      "build",
      "--dry-run",
      "models/qwen3_vl_tiny/layer-analysis/**",
    ]);
    const skipped = README.match(/^\d+ skipped: .*$/gm) ?? [];
    expect(skipped.map((line) => line.replace(/^\d+ /, ""))).toEqual([
      "skipped: NVFP4 needs a CUDA device",
      "skipped: MXFP4 needs a CUDA device",
    ]);
    expect(all.stdout).toContain(`${skipped.join("\n")}\n`);
    expect(workspace.exists(`aqm.lock/${target}/sensitivity-scores.json.json`)).toBe(false);
  });

  it("a checkpoint that is missing is named with the way to get it; the rest of the plan is shown", async () => {
    workspace.onlyModels("qwen3_vl_tiny", "qwen3_vl_4b_instruct");
    const target = RUN.replaceAll("qwen3_vl_tiny", "qwen3_vl_4b_instruct");
    const check = await workspace.aqm(["build", "--dry-run", "--check", RUN, target]);
    expect(check.code).toBe(12);
    const path = "models/qwen3_vl_4b_instruct/checkpoints/Qwen3-VL-4B-Instruct";
    expect(check.stdout).toContain(
      `${path} is missing; get it with: hf download Qwen/Qwen3-VL-4B-Instruct`,
    );
    expect(check.stdout).toMatch(/\d+ fresh/);
  });
});

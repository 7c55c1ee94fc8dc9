import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSchemeQuality } from "../../src/analysis/schemes/scheme-quality-json.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

const MODEL = "models/qwen3_vl_trained";
const SERVING = "models/serving/qwen3_vl_trained";
const REPORT = `${MODEL}/reports/report-fp8-autoquant-schemes.md`;
const SCHEMES = ["fp8_autoquant_top25", "fp8_autoquant_top50", "fp8_autoquant_full"];
const SET = "conf/scheme_report/fp8-autoquant.yaml";
const PYTHON = join(REPOSITORY, "tests/e2e/quality-runner.mjs");

/** The real rules, with a runner in whose model the later layers suffer more. */
describe("a report of schemes", () => {
  let workspace: TestWorkspace;
  let measured: readonly string[];

  const run = async (...targets: readonly string[]) => {
    workspace.write(".measured", "");
    const finished = await workspace.build(["--python", PYTHON, "--jobs", "1", ...targets]);
    const noted = workspace.read(".measured").split("\n").filter(Boolean);
    return { ...finished, noted };
  };
  /** What the runner was asked for by a build that succeeds. */
  const build = async (...targets: readonly string[]): Promise<readonly string[]> => {
    const { code, stderr, noted } = await run(...targets);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return noted;
  };
  const isPlan = (line: string): boolean => line.startsWith("measure ");
  const exportOf = (scheme: string): string => `${MODEL}/quantized/${scheme}/compressed-tensors`;

  beforeAll(async () => {
    workspace = TestWorkspace.copyOfRepository();
    workspace.onlyModels("qwen3_vl_trained");
    // The runner says that it has version 1.0 of everything.
    for (const name of ["data", "requirements", "torch", "vllm"]) {
      const path = `python/${name}.in`;
      workspace.write(path, workspace.read(path).replaceAll(/==.*/g, ""));
    }
    for (const scheme of SCHEMES) {
      const path = `conf/scheme/${scheme}.yaml`;
      workspace.write(path, workspace.read(path).replace(/random_plans: \d+/, "random_plans: 2"));
    }
    const set = readFileSync(join(REPOSITORY, SET), "utf8");
    workspace.write(
      SET,
      set
        .replace(/^schemes: .*$/m, `schemes: [${SCHEMES.join(", ")}]`)
        .replace(/^devices: .*$/m, "devices: [cpu]"),
    );
    measured = await build(REPORT);
  });
  afterAll(() => workspace.remove());

  it("measures its schemes and their controls, exports nothing and asks vLLM nothing", () => {
    // Each scheme, two random plans, the inverted one and the uniform one.
    expect(measured.filter(isPlan)).toHaveLength(SCHEMES.length * 5);
    expect(measured.filter((line) => line.startsWith("score"))).toEqual(["score FP8_DEFAULT_CFG"]);
    expect(measured.filter((line) => /^(export|serve)/.test(line))).toEqual([]);
    const text = workspace.read(REPORT);
    expect(text).toContain("## 2 of 3 schemes proven, vLLM was not asked about any");
    expect(text).toContain(`not exported: aqm build ${exportOf(SCHEMES[0] ?? "")}`);
    expect(text).toContain(
      `not checked: it is not exported yet; aqm build ${SERVING}/fp8_autoquant_top25/compressed-tensors-cpu.json`,
    );
    for (const scheme of SCHEMES) {
      const path = `${MODEL}/quantized/${scheme}/quality.json`;
      const quality = readSchemeQuality(workspace.read(path));
      if (!quality.ok) throw new Error(quality.error.message);
      const word = scheme.endsWith("full") ? "not separable" : "proven";
      expect(quality.value.verdict?.word, scheme).toBe(word);
    }
  });

  it("runs no measurement for another column, title or bound", async () => {
    workspace.edit(SET, "devices: [cpu]", "devices: [cpu, sm90]");
    expect(await build(REPORT)).toEqual([]);
    expect(workspace.read(REPORT)).toContain("compressed-tensors-sm90.json");
    const path = `conf/scheme/${SCHEMES[0] ?? ""}.yaml`;
    workspace.edit(path, "proven: 1.2", "proven: 100000");
    expect(await build(REPORT)).toEqual([]);
    expect(workspace.read(REPORT)).toContain("## 1 of 3 schemes proven");
    workspace.edit(path, "proven: 100000", "proven: 1.2");
  });

  it("shows exports and answers once they are there, and measures nothing for them", async () => {
    const [first = "", second = ""] = SCHEMES;
    const status = `${SERVING}/${first}/compressed-tensors-cpu.json`;
    const noted = await build(exportOf(first), exportOf(second), status, REPORT);
    expect(noted.filter(isPlan)).toEqual([]);
    expect(noted.filter((line) => line === "serve")).toEqual(["serve"]);
    const text = workspace.read(REPORT);
    expect(text).toContain("## 2 of 3 schemes proven, vLLM takes 1 of 1 checked export");
    expect(text).toContain("2 exported checkpoints, 2 sets of weights**: no two are the same.");
    expect(text).toMatch(
      /not checked: vLLM was not asked yet; aqm build \S+top50\/compressed-tensors-cpu/,
    );
  });

  it("fails where plans that differ were exported as one checkpoint, and keeps the report before", async () => {
    const before = workspace.read(REPORT);
    workspace.write(".one-checkpoint", "");
    const [first = "", second = ""] = SCHEMES;
    // Another version of the op, by which the bug comes in.
    const op = "python/aqm_runner/ops/compressed_tensors_export.json";
    workspace.edit(op, '"version": 1', '"version": 1000');
    await build(exportOf(first), exportOf(second));
    const { code, stdout } = await run(REPORT);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /The exported weights \(compressed_tensors of fp8_autoquant_top25 and fp8_autoquant_top50\) are the same/,
    );
    expect(stdout).toContain("gate_failed");
    expect(workspace.read(REPORT)).toBe(before);
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readMeasuredFrontier } from "../../src/analysis/quality/measured-frontier-json.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

const CONFIG = "conf/quality/int3_int4_int8.yaml";
const FOLDER = "models/qwen3_vl_tiny/quality/int3_int4_int8/qwen3_vl_tiny_int3_int4_int8_lm_small";
const TARGET = `${FOLDER}/measured-frontier.json`;
const PAGES = [`${FOLDER}/quality.html`, `${FOLDER}/quality.md`];
const PYTHON = join(REPOSITORY, "tests/e2e/quality-runner.mjs");

/** The real rules, with a runner in whose model the later layers suffer more. */
describe("a measured frontier", () => {
  let workspace: TestWorkspace;
  let measured: readonly string[];

  const budgets = (list: string): void => {
    const text = readFileSync(join(REPOSITORY, CONFIG), "utf8");
    const short = text.replace(/budgets:\n(\s+- .*\n)+/, `budgets: ${list}\n`);
    workspace.write(CONFIG, short.replace(/random_plans: \d+/, "random_plans: 2"));
  };
  /** What the runner was asked for by one build. */
  const build = async (): Promise<readonly string[]> => {
    workspace.write(".measured", "");
    const targets = [TARGET, ...PAGES];
    const { code, stderr } = await workspace.build(["--python", PYTHON, "--jobs", "1", ...targets]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return workspace.read(".measured").split("\n").filter(Boolean).toSorted();
  };
  const frontier = () => {
    const read = readMeasuredFrontier(workspace.read(TARGET));
    if (!read.ok) throw new Error(read.error.message);
    return read.value;
  };

  beforeAll(async () => {
    workspace = TestWorkspace.copyOfRepository();
    workspace.onlyModels("qwen3_vl_tiny");
    // The runner says that it has version 1.0 of everything.
    for (const name of ["data", "requirements", "torch"]) {
      const path = `python/${name}.in`;
      workspace.write(path, workspace.read(path).replaceAll(/==.*/g, ""));
    }
    budgets("[4, 6]");
    measured = await build();
  });
  afterAll(() => workspace.remove());

  it("measures each plan once, in an action of its own", () => {
    const plans = measured.filter((line) => line.startsWith("measure "));
    expect(plans).toEqual(
      [
        ...["solver", "inverted", "heuristic", "weight_error", "random_1", "random_2"].flatMap(
          (kind) => [`measure ${kind}-4.00`, `measure ${kind}-6.00`],
        ),
        ...["wint3_afp16", "wint4_afp16", "wint8_afp16"].map((pair) => `measure uniform-${pair}`),
        "measure alone",
      ].toSorted(),
    );
  });

  it("judges the solver's plans against controls of their size", () => {
    const { verdicts, weights, correlations } = frontier();
    expect(weights).toBe("random");
    // Far better than random plans, as the runner has it; but nothing is proven on random weights.
    for (const { plan, word, because, factor } of verdicts) {
      expect(factor.low, plan).toBeGreaterThan(1.2);
      expect([word, because], plan).toEqual(["unproven", "random weights"]);
    }
    expect(verdicts.map(({ plan }) => plan)).toEqual(["solver-4.00", "solver-6.00"]);
    // The runner's divergence is the sum of its scores.
    expect(correlations.alone.all.spearman).toBe(1);
  });

  it("says the word on its page and in Markdown, below a notice where weights are random", () => {
    for (const page of PAGES) {
      expect(workspace.read(page)).toMatch(
        /only that measuring works[\s\S]*unproven[\s\S]*random weights/,
      );
    }
  });

  it("measures only the plans of a further budget: no scores, no checkpoint, no other plan", async () => {
    budgets("[4, 5, 6]");
    expect(await build()).toEqual(
      ["heuristic", "inverted", "random_1", "random_2", "solver", "weight_error"].map(
        (kind) => `measure ${kind}-5.00`,
      ),
    );
    expect(frontier().verdicts.map(({ budget }) => budget)).toEqual([4, 5, 6]);
  });

  it("measures nothing when the word is defined otherwise", async () => {
    const text = workspace.read(CONFIG);
    workspace.write(CONFIG, text.replace("proven: 1.2", "proven: 1000"));
    expect(await build()).toEqual([]);
    expect(frontier().definition.proven).toBe(1000);
  });
});

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScheme } from "../../src/analysis/schemes/scheme-document.ts";
import { readSchemeQuality } from "../../src/analysis/schemes/scheme-quality-json.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

const NAME = "int4_int8_searched_at_6p0bits";
const GOAL = "int4_int8_goal";
const PYTHON = join(REPOSITORY, "tests/e2e/quality-runner.mjs");
const quantized = (name: string): string => `models/qwen3_vl_trained/quantized/${name}`;

/** The real rules, with a runner that answers at once and notes what it was asked for. */
describe("a scheme that is searched by measurement", () => {
  let workspace: TestWorkspace;

  /** How a build of a scheme's measurements ends, and what the runner was asked for. */
  const build = async (name: string, ...more: readonly string[]) => {
    workspace.write(".measured", "");
    const target = `${quantized(name)}/quality.json`;
    const done = await workspace.build(["--python", PYTHON, "--jobs", "1", ...more, target]);
    const asked = workspace.read(".measured").split("\n").filter(Boolean).toSorted();
    return { ...done, asked, said: done.stderr + done.stdout };
  };
  const config = (name: string): string => `conf/scheme/${name}.yaml`;

  beforeAll(() => {
    workspace = TestWorkspace.copyOfRepository();
    workspace.onlyModels("qwen3_vl_trained");
    // The runner says that it has version 1.0 of everything.
    for (const name of ["data", "requirements", "torch"]) {
      const path = `python/${name}.in`;
      workspace.write(path, workspace.read(path).replaceAll(/==.*/g, ""));
    }
    const text = workspace.read(config(NAME)).replace(NAME, GOAL);
    workspace.write(config(GOAL), text.replace("bits: 6.0", "goal: { kl: 100 }"));
    workspace.edit("Aqmfile.ts", `...["${NAME}",`, `...["${NAME}", "${GOAL}",`);
  });
  afterAll(() => workspace.remove());

  it("measures groups alone, searches, and measures its starts beside the other controls", async () => {
    const { code, asked } = await build(NAME);
    expect(code).toBe(0);
    expect(asked.filter((op) => op === "measure alone")).toHaveLength(1);
    expect(asked.filter((op) => op.startsWith("search"))).toEqual(["search 300"]);
    // Itself, one random plan, inverted, two uniform ones and two starts.
    expect(asked.filter((op) => op === "measure plan")).toHaveLength(7);
    const scheme = readScheme(workspace.read(`${quantized(NAME)}/scheme.json`));
    expect(scheme).toMatchObject({
      value: { search: { goal: null, met: null, settings: { measurements: 300 } } },
    });
    const quality = readSchemeQuality(workspace.read(`${quantized(NAME)}/quality.json`));
    expect(quality).toMatchObject({
      value: {
        search: { starts: [{ plan: "start_scores" }, { plan: "start_alone" }], goal: null },
      },
    });
  });

  it("measures nothing of groups alone again for a goal among the same candidates", async () => {
    const { code, asked } = await build(GOAL);
    expect(code).toBe(0);
    expect(asked.filter((op) => op !== "measure plan")).toEqual(["search 300"]);
    const scheme = readScheme(workspace.read(`${quantized(GOAL)}/scheme.json`));
    expect(scheme).toMatchObject({
      value: {
        choice: { goal: { kl: 100 } },
        search: { met: true, goal: { figure: "kl", bound: 100, confidence: 0.95 } },
      },
    });
    const quality = readSchemeQuality(workspace.read(`${quantized(GOAL)}/quality.json`));
    expect(quality).toMatchObject({
      value: { search: { goal: { bound: 100, here: { value: expect.any(Number) as number } } } },
    });
  });

  it("measures nothing but the search again where a longer one finds the same", async () => {
    workspace.edit(config(NAME), "measurements: 300", "measurements: 400");
    expect((await build(NAME)).asked).toEqual(["search 400"]);
  });

  it("is refused where its goal cannot be met, with the best that was measured; the old one stays", async () => {
    const before = workspace.read(`${quantized(GOAL)}/scheme.json`);
    workspace.edit(config(GOAL), "kl: 100", "kl: 1.0e-9");
    const { code, asked, said } = await build(GOAL);
    expect(code).toBe(1);
    expect(asked).toEqual(["search 300"]);
    expect(said).toMatch(/The goal KL ≤ 1e-9 \(95 %\) cannot be met: the best measured is \S+ \(/);
    expect(said).toMatch(/at \d+\.\d\d bits, \d+\.\d kB\. Ask for at least \S+, or add/);
    expect(said).toContain("goal_unmet");
    expect(workspace.read(`${quantized(GOAL)}/scheme.json`)).toBe(before);
  });
});

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEvaluation } from "../../src/analysis/evaluation/evaluation-json.ts";
import type { Scheme } from "../../src/analysis/schemes/scheme.ts";
import { readScheme } from "../../src/analysis/schemes/scheme-document.ts";
import { WIDE } from "../rig/wide.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

const NAME = "int4_int8_at_6p0bits";
const CONFIG = `conf/scheme/${NAME}.yaml`;
const FOLDER = `models/qwen3_vl_trained/quantized/${NAME}`;
const PYTHON = join(REPOSITORY, "tests/e2e/quality-runner.mjs");
const UNEVEN = "model.language_model.layers.5.mlp.down_proj";

/** The real rules, with a runner that answers at once and notes what it was asked for. */
describe("a scheme", () => {
  let workspace: TestWorkspace;

  /** How a build of a scheme ends, and what the runner was asked for. */
  const build = async (folder = FOLDER) => {
    workspace.write(".measured", "");
    const done = await workspace.build(["--python", PYTHON, "--jobs", "1", folder]);
    const asked = workspace.read(".measured").split("\n").filter(Boolean).toSorted();
    return { ...done, asked };
  };
  const chosen = (): Scheme => {
    const read = readScheme(workspace.read(`${FOLDER}/scheme.json`));
    if (!read.ok) throw new Error(read.error.message);
    return read.value;
  };

  beforeAll(() => {
    workspace = TestWorkspace.copyOfRepository();
    workspace.onlyModels("qwen3_vl_trained");
    // The runner says that it has version 1.0 of everything.
    for (const name of ["data", "requirements", "torch"]) {
      const path = `python/${name}.in`;
      workspace.write(path, workspace.read(path).replaceAll(/==.*/g, ""));
    }
  });
  afterAll(() => workspace.remove());

  it.runIf(WIDE)(
    "is refused before anything else runs where a block size does not divide a layer",
    async () => {
      const name = "int4_everywhere";
      const text = workspace
        .read(CONFIG)
        .replace(NAME, name)
        .replace(/^candidates: .*\n/m, "");
      workspace.write(
        `conf/scheme/${name}.yaml`,
        text.replace(/^choice: .*$/m, "choice: { everywhere: wint4_afp16 }"),
      );
      workspace.edit("Aqmfile.ts", `...["int8_autoquant_top50",`, `...["${name}",`);
      const { code, stderr, stdout, asked } = await build(
        `models/qwen3_vl_trained/quantized/${name}`,
      );
      expect(code).toBe(1);
      expect(stderr + stdout).toContain(`${UNEVEN}: blocks of 128 do not divide its 64 columns`);
      // Neither scores nor ranges nor a measurement nor an export.
      expect(asked.filter((op) => !["checkpoint", "images"].includes(op))).toEqual(["tensors"]);
    },
  );

  it("is chosen from scores, measured beside its controls, and exported in each format", async () => {
    const { code, asked } = await build();
    expect(code).toBe(0);
    expect(asked.filter((op) => op.startsWith("score "))).toHaveLength(2);
    // Itself, one random plan, inverted, and two uniform ones.
    expect(asked.filter((op) => op === "measure plan")).toHaveLength(5);
    expect(asked.filter((op) => op === "export")).toHaveLength(2);
    expect(asked.filter((op) => /^(answer|measure leaked)$/.test(op))).toHaveLength(2);
    const { achieved, layers, dropped } = chosen();
    expect(achieved.bits).toBeLessThanOrEqual(6);
    // The runner's later layers suffer more.
    expect(layers.map(({ format }) => format).slice(0, 4)).toEqual(Array(4).fill("wint4_afp16"));
    expect(dropped).toEqual([
      {
        group: UNEVEN,
        candidate: "wint4_afp16",
        because: "blocks of 128 do not divide its 64 columns",
      },
    ]);
  });

  it("scores nothing again when its budget changes", async () => {
    workspace.edit(CONFIG, "bits: 6.0", "bits: 7.0");
    const { code, asked } = await build();
    expect(code).toBe(0);
    expect(new Set(asked)).toEqual(new Set(["measure plan", "measure leaked", "answer", "export"]));
    expect(chosen().achieved.bits).toBeGreaterThan(6);
  });

  it("is evaluated with marks on leaked figures, and without asking a server", () => {
    const evaluation = readEvaluation(workspace.read(`${FOLDER}/evaluation.json`));
    if (!evaluation.ok) throw new Error(evaluation.error.message);
    const { figures, answers, speed, sizes } = evaluation.value;
    expect(figures.map(({ set, leaked }) => [set, leaked])).toEqual([
      ["report", false],
      ["evaluation", true],
    ]);
    expect(answers.map(({ first_difference }) => first_difference)).toEqual([
      ...Array.from({ length: 8 }, () => null),
      0,
    ]);
    expect(speed.map(({ not_measured }) => not_measured)).toEqual(
      Array(2).fill("the model's device is a CPU, and a server is timed on a GPU alone"),
    );
    expect(sizes.exports.map(({ found_bytes }) => found_bytes)).toEqual([90_000, 90_000]);
    expect(workspace.read(`${FOLDER}/evaluation.md`)).toContain("8 of 9 are the same");
  });

  it("measures and exports nothing again when only its words change", async () => {
    workspace.edit(CONFIG, "proven: 1.2", "proven: 1.5");
    expect((await build()).asked).toEqual([]);
  });

  it.runIf(WIDE)(
    "says what would work where its budget cannot be met, and leaves the old one as it was",
    async () => {
      const before = workspace.read(`${FOLDER}/scheme.json`);
      workspace.edit(CONFIG, "bits: 7.0", "bits: 3.0");
      const { code, stderr, stdout, asked } = await build();
      expect(code).toBe(1);
      expect(asked).toEqual([]);
      const [, least] = /Ask for (\d\.\d+) to 16/.exec(stderr + stdout) ?? [];
      expect(workspace.read(`${FOLDER}/scheme.json`)).toBe(before);
      workspace.edit(CONFIG, "bits: 3.0", `bits: ${least ?? ""}`);
      expect((await build()).code).toBe(0);
    },
  );
});

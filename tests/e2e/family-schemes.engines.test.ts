import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readExportCheck } from "../../src/analysis/schemes/export-check.ts";
import { readScheme } from "../../src/analysis/schemes/scheme-document.ts";
import { readSchemeQuality } from "../../src/analysis/schemes/scheme-quality-json.ts";
import { readServingStatus } from "../../src/analysis/schemes/serving-status.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** A Llama and a mixture of experts: from a folder with weights to a checkpoint that vLLM loads, by configuration. */
const FAMILIES = ["llama", "mixtral"] as const;

const SCHEME = `name: small
scope: lm
size: small
engine: modelopt
candidates: [wfp8_afp8]
lm_head: false
choice: { bits: 10.5 }
exports: [modelopt, compressed_tensors]
controls:
  random_plans: 1
  seed: 42
  proven: 1.2
  resamples: 200
  held_out: report
  batch_size: { lm: 64, all_layers: 16 }
`;
const EXPORTS = ["modelopt", "compressed-tensors"] as const;
/** vLLM's environment of 8.9 GB: `npm run test:soak -- --only serving` asks for it. */
const SERVES = process.env["AQM_SERVES"] !== undefined;

let maker: TestWorkspace;
const made: TestWorkspace[] = [];

beforeAll(async () => {
  const config = (family: string): string =>
    `name: tiny_${family}\nfamily: ${family}\nimages: false\ncheckpoint: tiny/${family}\ndtype: float32\ndevice: cpu\nsource: { tiny_seed: 42 }\n`;
  maker = TestWorkspace.create({
    "Aqmfile.ts": `import { build } from "aqm";
import { checkpoint } from "aqm/rules/checkpoint.ts";
const families = ${JSON.stringify(FAMILIES)};
export default build(families.flatMap((family) => checkpoint(\`tiny_\${family}\`).files.producer ?? []));
`,
    ...Object.fromEntries(FAMILIES.map((each) => [`conf/model/tiny_${each}.yaml`, config(each)])),
  });
  const built = await maker.build();
  expect(built.stderr).toBe("");
});
afterAll(() => {
  for (const workspace of [maker, ...made]) workspace.remove();
});

describe.each(FAMILIES)("%s", (family) => {
  let workspace: TestWorkspace;
  const quantized = `models/${family}/quantized/small`;
  const statuses = EXPORTS.map((format) => `models/serving/${family}/small/${format}-cpu.json`);

  beforeAll(async () => {
    workspace = TestWorkspace.create({ "conf/scheme/small.yaml": SCHEME });
    made.push(workspace);
    const weights = maker.path(join("tiny", family));
    const started = await workspace.aqm([
      "init",
      "--yes",
      "--model",
      weights,
      "--formats",
      "wfp8_afp8",
    ]);
    expect(started.stderr).toBe("");
    workspace.edit("Aqmfile.ts", "analyses({", 'analyses({\n    schemes: ["small"],');
    const exports = EXPORTS.map((format) => `${quantized}/${format}`);
    const built = await workspace.build([...exports, `${quantized}/quality.json`]);
    expect(built.stderr).toBe("");
    expect(built.code).toBe(0);
  });

  it("has a scheme within its bits, as large as its files are found to be", () => {
    const scheme = readScheme(workspace.read(`${quantized}/scheme.json`));
    if (!scheme.ok) throw new Error(scheme.error.message);
    const { achieved, layers, exports } = scheme.value;
    expect(achieved.bits).toBeLessThanOrEqual(10.5);
    expect(achieved.quantized_groups).toBeGreaterThan(0);
    expect(layers.some(({ group }) => group.endsWith(".experts"))).toBe(family === "mixtral");
    for (const [index, format] of EXPORTS.entries()) {
      const check = readExportCheck(workspace.read(`${quantized}/${format}-check.json`));
      if (!check.ok) throw new Error(check.error.message);
      expect(check.value.weightBytes).toBe(exports[index]?.bytes);
      expect(check.value.gates).toContain("logits_differ");
    }
  });

  it("has measured quality beside controls of its size", () => {
    const quality = readSchemeQuality(workspace.read(`${quantized}/quality.json`));
    expect(quality.ok).toBe(true);
  });

  it.skipIf(!SERVES)("is loaded by vLLM, parameter by parameter", async () => {
    const { code, stderr } = await workspace.build(statuses);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    for (const path of statuses) {
      const status = readServingStatus(workspace.read(path));
      expect(status).toMatchObject({ value: { word: "loads strictly (not run)" } });
    }
  });
});

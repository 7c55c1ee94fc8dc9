import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/** The example of docs/other-models.md, built with the real libraries somewhere else: it is a workspace of its own. */
const EXAMPLE = join(REPOSITORY, "examples/vit");
const PAIR = "wint4_afp16";
const RUN = `models/vit_tiny/layer-analysis/weight-int4-act-fp16/vit_tiny_autoquant_all_layers_${PAIR}_small`;
const PLAN =
  "models/vit_tiny/bit-plans/int4_int8_fp8_at_6p0bits/vit_tiny_bit_plan_all_layers_int4_int8_fp8_at_6p0bits_small";

let workspace: TestWorkspace;
let first: Awaited<ReturnType<TestWorkspace["build"]>>;

beforeAll(async () => {
  workspace = TestWorkspace.create({});
  for (const name of ["Aqmfile.ts", "conf", "rules"])
    fs.cpSync(join(EXAMPLE, name), workspace.path(name), { recursive: true });
  first = await workspace.build();
});
afterAll(() => workspace.remove());

interface Group {
  readonly name: string;
  readonly modules: readonly string[];
  readonly weights: number;
}

const json = (path: string): unknown => JSON.parse(workspace.read(path));

/** Paths of all layers with a matrix of weights, as the loaded model calls them; the file has other names. */
const LAYERS: readonly string[] = [
  "classifier",
  "vit.embeddings.patch_embeddings.projection",
  ...[0, 1, 2].flatMap((block) => [
    ...["q", "k", "v", "o"].map((name) => `vit.layers.${block}.attention.${name}_proj`),
    ...["fc1", "fc2"].map((name) => `vit.layers.${block}.mlp.${name}`),
  ]),
];

/** Elements of each matrix in the checkpoint's file, by its header. */
function matricesOfCheckpoint(): readonly number[] {
  const bytes = fs.readFileSync(
    workspace.path("models/vit_tiny/checkpoints/tiny/model.safetensors"),
  );
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Readonly<
    Record<string, { readonly shape?: readonly number[] }>
  >;
  return Object.entries(header).flatMap(([name, { shape = [] }]) =>
    name.endsWith(".weight") && shape.length > 1 ? [shape.reduce((all, own) => all * own)] : [],
  );
}

describe("the example of a model that is no language model", () => {
  it("is built, scores and all", () => {
    expect(first.stderr).toBe("");
    expect(first.code).toBe(0);
    expect(first.ran).toContain(`${RUN}/sensitivity-scores.json`);
  });

  it("has every layer of the ViT in a group, and every group in the report", () => {
    const { groups } = json(`${RUN}/sensitivity-scores.json`) as { groups: readonly Group[] };
    expect(groups.flatMap(({ modules }) => modules).toSorted()).toEqual(LAYERS.toSorted());
    const matrices = matricesOfCheckpoint();
    expect(matrices).toHaveLength(LAYERS.length);
    const sum = (some: readonly number[]): number => some.reduce((all, own) => all + own, 0);
    expect(sum(groups.map(({ weights }) => weights))).toBe(sum(matrices));
    const report = workspace.read(`${RUN}/per-layer-sensitivity.md`);
    expect(groups.filter(({ name }) => !report.includes(`|${name}|`))).toEqual([]);
  });

  it("has a plan of every layer within its budget, by the rule for the classifier", () => {
    const plan = json(`${PLAN}/bit-plan.json`) as {
      readonly request: { readonly budget: { readonly bits: number } };
      readonly achieved: { readonly bits: number };
      readonly layers: readonly (Group & { readonly format: string })[];
    };
    expect(plan.achieved.bits).toBeGreaterThan(5);
    expect(plan.achieved.bits).toBeLessThanOrEqual(plan.request.budget.bits);
    expect(plan.layers.flatMap(({ modules }) => modules).toSorted()).toEqual(LAYERS.toSorted());
    const classifier = plan.layers.find(({ name }) => name === "classifier");
    expect(classifier?.format).not.toBe(PAIR);
    expect(new Set(plan.layers.map(({ format }) => format)).size).toBeGreaterThan(1);
  });

  it("has a page that claims no server", () => {
    const page = workspace.read(`${RUN}/per-layer-sensitivity.html`);
    expect(page).toContain(`<dd id=plan-serving>not known, for ${PAIR}`);
    expect(page).not.toContain("<strong>vLLM</strong>");
  });

  it("is not built a second time", async () => {
    const second = await workspace.build();
    expect(second.code).toBe(0);
    expect(second.ran).toEqual([]);
  });

  it("refuses a checkpoint that is no ViT, with the file and the next step", async () => {
    workspace.edit("conf/model/vit_tiny.yaml", "tiny_seed: 42", "placed: somebody/model");
    workspace.edit("conf/model/vit_tiny.yaml", "checkpoints/tiny", "checkpoints/placed");
    workspace.write(
      "models/vit_tiny/checkpoints/placed/config.json",
      JSON.stringify({ model_type: "resnet", architectures: ["ResNetForImageClassification"] }),
    );
    const { code, stdout, stderr } = await workspace.aqm(["build", RUN]);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("resnet");
    expect(stdout + stderr).toContain("place the checkpoint of a ViT for image classification");
  });
});

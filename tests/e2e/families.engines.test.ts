import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestWorkspace } from "../rig/workspace.ts";

/** Three kinds of model, each analysed in a new folder by configuration alone: what `aqm init` writes. */
const KINDS = [
  { family: "llama", scopes: "lm", groups: ["model.layers.0.self_attn.q_proj"] },
  { family: "mixtral", scopes: "lm", groups: ["model.layers.1.mlp.experts"] },
  {
    family: "gemma3",
    scopes: "all_layers",
    groups: [
      "model.vision_tower.encoder.layers.0.self_attn.k_proj",
      "model.language_model.layers.1.mlp.gate_proj",
      "lm_head",
    ],
  },
] as const;

const made: TestWorkspace[] = [];
let maker: TestWorkspace;
const model = (family: string): string => `models/${family}/checkpoints/tiny`;

beforeAll(async () => {
  const configs = KINDS.map(({ family, scopes }): [string, string] => [
    `conf/model/${family}.yaml`,
    `name: ${family}
family: ${family}
images: ${scopes === "all_layers"}
checkpoint: ${model(family)}
dtype: float32
device: cpu
source: { tiny_seed: 1 }
`,
  ]);
  maker = TestWorkspace.create({
    ...Object.fromEntries(configs),
    "Aqmfile.ts": `import { build } from "aqm";
import { checkpoint } from "aqm/rules/checkpoint.ts";
const names = ${JSON.stringify(KINDS.map(({ family }) => family))};
export default build(names.map((name) => checkpoint(name).files.producer ?? []));
`,
  });
  made.push(maker);
  expect((await maker.build()).stderr).toBe("");
});
afterAll(() => {
  for (const one of made) one.remove();
});

describe.each(KINDS)("a model of the family $family", ({ family, scopes, groups }) => {
  it("has scores and reports after aqm init and aqm build", async () => {
    const workspace = TestWorkspace.create({});
    made.push(workspace);
    const place = maker.path(model(family));
    const started = await workspace.aqm([
      ...["init", "--yes", "--model", place, "--scopes", scopes, "--formats", "wfp8_afp8"],
    ]);
    expect(started.stderr).toBe("");
    const built = await workspace.build();
    expect(built.stderr).toBe("");
    expect(built.code).toBe(0);
    const run = `tiny_autoquant_${scopes === "lm" ? "wfp8_afp8_lm" : "all_layers_wfp8_afp8"}_small`;
    const folder = `models/tiny/layer-analysis/weight-fp8-act-fp8/${run}`;
    const scores = JSON.parse(workspace.read(`${folder}/sensitivity-scores.json`)) as {
      readonly groups: readonly { name: string; enabled: boolean; score: number }[];
    };
    for (const name of groups) {
      const group = scores.groups.find((each) => each.name === name);
      expect(
        group,
        `${name} of ${scores.groups.map((each) => each.name).join(", ")}`,
      ).toBeDefined();
      expect(group?.enabled).toBe(true);
      expect(group?.score).toBeGreaterThan(0);
    }
    expect(workspace.read(`${folder}/per-layer-sensitivity.md`)).toContain(groups[0]);
    expect((await workspace.aqm(["build", "--dry-run", "--check"])).code).toBe(0);
  });
});

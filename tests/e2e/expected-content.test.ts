import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** What an action expects of a source is found out by its plan, before anything runs. */
let workspace: TestWorkspace;
afterEach(() => workspace.remove());

describe("an input with content that is expected", () => {
  beforeEach(() => {
    workspace = TestWorkspace.create({
      "given/kind.json": '{"kind": "a", "deep": {"odd": null}}',
      "rules/ops/read.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "given">): Result<OpOutputs<"text">, OpFailure> {
  return ok({ text: String(Object.keys(inputs)) });
}
`,
      "Aqmfile.ts": `import { action, build, committed, folder, typescriptOp } from "aqm";
const read = typescriptOp<typeof import("./rules/ops/read.ts")>("rules/ops/read.ts");
const given = folder("given", {
  expect: [
    { file: "stray.json", otherwise: "take it away" },
    { file: "kind.json", at: ["kind"], oneOf: ["a", "b"], otherwise: "say a kind" },
    { file: "kind.json", at: ["deep", "odd"], otherwise: "make it even" },
  ],
});
export default build([
  action({ op: read, params: {}, inputs: { given }, outputs: { text: committed("out.txt") } }),
]);
`,
    });
  });

  it("runs when all is as expected, and is no other action for that", async () => {
    expect((await workspace.build()).ran).toEqual(["out.txt"]);
    workspace.edit("Aqmfile.ts", '"say a kind"', '"say another kind"');
    expect((await workspace.build()).ran).toEqual([]);
  });

  it.each([
    ["given/kind.json", '{"kind": "c"}', 'has kind "c", not "a" or "b"; say a kind'],
    ["given/kind.json", '{"kind": 7}', 'has kind 7, not "a" or "b"; say a kind'],
    ["given/kind.json", "{}", 'has no kind, which should be "a" or "b"; say a kind'],
    ["given/kind.json", "[[", "cannot be read: "],
    ["given/kind.json", '{"kind": "b", "deep": {"odd": {}}}', "has deep.odd; make it even"],
    ["given/stray.json", "", "is there; take it away"],
  ])("is blocked by %s with %s", async (file, content, says) => {
    workspace.write(file, content);
    const dry = await workspace.aqm(["build", "--dry-run", "--check"]);
    expect(dry.stdout).toContain(`${file} ${says}`);
    expect(dry.code).toBe(12);
    const built = await workspace.aqm(["build"]);
    expect(built.code).toBe(1);
    expect(workspace.exists("out.txt")).toBe(false);
  });

  it("is blocked even where a result of the same content is recorded", async () => {
    await workspace.build();
    workspace.edit("Aqmfile.ts", '["a", "b"]', '["b"]');
    const dry = await workspace.aqm(["build", "--dry-run"]);
    expect(dry.stdout).toContain('given/kind.json has kind "a", not "b"');
  });

  it("is refused where the expectation is none", async () => {
    workspace.edit("Aqmfile.ts", '"stray.json"', '"../stray.json"');
    const refused = await workspace.aqm(["list"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("expect takes a list of what files of the folder must say");
  });
});

describe("a placed checkpoint", () => {
  it.runIf(WIDE)(
    "is held against its family, and refused when it is quantized, without Python",
    async () => {
      workspace = TestWorkspace.copyOfRepository();
      workspace.onlyModels("qwen3_vl_4b_instruct");
      const place = "models/qwen3_vl_4b_instruct/checkpoints/Qwen3-VL-4B-Instruct";
      const target = "models/qwen3_vl_4b_instruct/layer-analysis/weight-fp8-act-fp8";
      const planned = async (config: object): Promise<string> => {
        workspace.write(`${place}/config.json`, JSON.stringify(config));
        return (await workspace.aqm(["build", "--dry-run", target])).stdout;
      };
      expect(await planned({ model_type: "qwen2_5_vl" })).toContain(
        `${place}/config.json has model_type "qwen2_5_vl", not "qwen3_vl" or "qwen3_vl_moe"; correct family in conf/model/qwen3_vl_4b_instruct.yaml`,
      );
      expect(
        await planned({ model_type: "qwen3_vl", quantization_config: { quant_method: "fp8" } }),
      ).toContain(`${place}/config.json has quantization_config; place the checkpoint as it was`);
      expect(await planned({ model_type: "qwen3_vl_moe" })).not.toContain(
        `${place}/config.json has`,
      );
      workspace.write(`${place}/adapter_config.json`, "{}");
      expect(await planned({ model_type: "qwen3_vl" })).toContain(
        `${place}/adapter_config.json is there; merge the adapter`,
      );
    },
  );
});

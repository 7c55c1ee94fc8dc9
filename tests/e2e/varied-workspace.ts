import { TestWorkspace } from "../rig/workspace.ts";

/**
 * A grid of greetings: word lists per size are made once and shared; each cell (tone × size) takes them,
 * with the settings of one config, through two steps. All ops are TypeScript.
 */
export function variedWorkspace(): TestWorkspace {
  const schema = (properties: object): string =>
    JSON.stringify({
      type: "object",
      additionalProperties: false,
      required: Object.keys(properties).filter((key) => key !== "note"),
      properties,
    });
  return TestWorkspace.create({
    "words.txt": "one two three four five six\n",
    "conf/schema/tone.schema.json": schema({ mark: { type: "string" } }),
    "conf/tone/calm.yaml": "mark: .\n",
    "conf/tone/loud.yaml": 'mark: "!"\n',
    "conf/schema/setting.schema.json": schema({
      repeat: { type: "integer", minimum: 1 },
      join: { type: "object", properties: { with: { type: "string" } } },
      note: { type: "string" },
    }),
    "conf/setting/usual.yaml": 'repeat: 1\njoin: { with: " " }\n',
    "conf/setting/long.yaml": 'repeat: 3\njoin: { with: "-" }\n',
    "conf/schema/dataset.schema.json": schema({
      sizes: { type: "object", additionalProperties: { type: "integer" } },
    }),
    "conf/dataset/words.yaml": "sizes: { small: 2, large: 4 }\n",
    "rules/ops/subset.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ params, inputs }: OpCall<{ count: number }, "words">): Result<OpOutputs<"list">, OpFailure> {
  return ok({ list: inputs.words.text().trim().split(" ").slice(0, params.count).join("\\n") + "\\n" });
}
`,
    "rules/ops/greet.ts": `import { err, ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
interface Params { mark: string; repeat: number; join: { with: string }; source: string }
export function run({ params, inputs }: OpCall<Params, "list">): Result<OpOutputs<"text">, OpFailure> {
  if (params.repeat > 50) return err({ reason: "op_failed", message: "too long" });
  const words = inputs.list.text().trim().split("\\n");
  const line = words.map((word) => word + params.mark).join(params.join.with);
  return ok({ text: JSON.stringify({ source: params.source, lines: Array(params.repeat).fill(line) }) + "\\n" });
}
`,
    "rules/ops/count.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "text">): Result<OpOutputs<"length">, OpFailure> {
  return ok({ length: inputs.text.text().length + "\\n" });
}
`,
    "Aqmfile.ts": `import { action, build, committed, configuration, configurationNames, file, from, grid, local, typescriptOp } from "aqm";
const subset = typescriptOp<typeof import("./rules/ops/subset.ts")>("rules/ops/subset.ts");
const greet = typescriptOp<typeof import("./rules/ops/greet.ts")>("rules/ops/greet.ts");
const count = typescriptOp<typeof import("./rules/ops/count.ts")>("rules/ops/count.ts");
const { sizes } = configuration<{ sizes: { small: number; large: number } }>("dataset", "words");
const { repeat, join } = configuration<{ repeat: number; join: { with: string } }>("setting", "usual");
const list = (size: "small" | "large") =>
  action({
    op: subset,
    params: { count: sizes[size] },
    inputs: { words: file("words.txt") },
    outputs: { list: local("data/" + size + ".txt") },
  });
const lists = { small: list("small"), large: list("large") };
export default build(
  grid({ tone: configurationNames("tone"), "dataset.size": ["small", "large"] }, ({ tone, "dataset.size": size }) => {
    const { mark } = configuration<{ mark: string }>("tone", tone);
    const folder = "out/" + tone + "/" + size;
    const text = action({
      op: greet,
      params: { mark, repeat, join: { with: join.with }, source: "data/" + size + ".txt" },
      inputs: { list: from(lists[size], "list") },
      outputs: { text: committed(folder + "/text.json") },
    });
    return action({
      op: count,
      params: {},
      inputs: { text: from(text, "text") },
      outputs: { length: committed(folder + "/length.txt") },
    });
  }),
  { defaults: ["out/calm/small"] },
);
`,
  });
}

import { TestWorkspace } from "../rig/workspace.ts";

/**
 * A small workspace of TypeScript ops: two poems are put into upper case, then joined; the joined text
 * is counted. `loud` is a config value, `sign.ts` a helper that only one op uses.
 */
export function textWorkspace(): TestWorkspace {
  return TestWorkspace.create({
    "poems/one.txt": "roses are red\n",
    "poems/two.txt": "violets are blue\n",
    "conf/schema/style.schema.json": JSON.stringify({
      type: "object",
      additionalProperties: false,
      required: ["loud"],
      properties: { loud: { type: "boolean" }, unused: { type: "integer" } },
    }),
    "conf/style/plain.yaml": "# how loud\nloud: true\nunused: 1\n",
    "rules/ops/shout.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
import { sign } from "./sign.ts";
export const version = 1;
export function run({ params, inputs }: OpCall<{ loud: boolean }, "poem">): Result<OpOutputs<"text">, OpFailure> {
  const text = inputs.poem.text();
  return ok({ text: (params.loud ? text.toUpperCase() : text) + sign });
}
`,
    "rules/ops/sign.ts": `export const sign = "--\\n";\n`,
    "rules/ops/join.ts": `import { err, ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "a" | "b">): Result<OpOutputs<"text">, OpFailure> {
  const text = inputs.a.text() + inputs.b.text();
  if (text.includes("FORBIDDEN")) {
    return err({ reason: "gate_failed", message: "a forbidden word", nextStep: "Take it out." });
  }
  return ok({ text });
}
`,
    "rules/ops/count.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "text">): Result<OpOutputs<"length">, OpFailure> {
  return ok({ length: inputs.text.text().length + "\\n" });
}
`,
    "Aqmfile.ts": `import { action, build, committed, configuration, file, from, local, typescriptOp } from "aqm";
const shout = typescriptOp<typeof import("./rules/ops/shout.ts")>("rules/ops/shout.ts");
const join = typescriptOp<typeof import("./rules/ops/join.ts")>("rules/ops/join.ts");
const count = typescriptOp<typeof import("./rules/ops/count.ts")>("rules/ops/count.ts");
const { loud } = configuration<{ loud: boolean }>("style", "plain");
const shouted = (name: string) =>
  action({
    op: shout,
    params: { loud },
    inputs: { poem: file("poems/" + name + ".txt", { obtain: "write a poem" }) },
    outputs: { text: local("big/" + name + ".txt") },
  });
const joined = action({
  op: join,
  params: {},
  inputs: { a: from(shouted("one"), "text"), b: from(shouted("two"), "text") },
  outputs: { text: committed("out/joined.txt") },
});
export default build([
  action({ op: count, params: {}, inputs: { text: from(joined, "text") }, outputs: { length: committed("out/length.txt") } }),
]);
`,
  });
}

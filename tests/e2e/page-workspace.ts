import { TestWorkspace } from "../rig/workspace.ts";

/** Two poems as pages, long enough to scroll, and their lengths in one text. */
export function pageWorkspace(): TestWorkspace {
  return TestWorkspace.create({
    "poems/one.txt": "roses are red\n",
    "poems/two.txt": "sugar is sweet\n",
    "rules/ops/page.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "poem">): Result<OpOutputs<"page">, OpFailure> {
  const poem = inputs.poem.text();
  return ok({ page: "<!doctype html><title>poem</title><h1>" + "Poem</h1><p>" + poem + "</p><div style='height: 3000px'></div>" });
}
`,
    "rules/ops/lengths.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "a" | "b">): Result<OpOutputs<"text">, OpFailure> {
  return ok({ text: inputs.a.text().length + " " + inputs.b.text().length + "\\n" });
}
`,
    "Aqmfile.ts": `import { action, build, committed, file, from, typescriptOp } from "aqm";
const page = typescriptOp<typeof import("./rules/ops/page.ts")>("rules/ops/page.ts");
const lengths = typescriptOp<typeof import("./rules/ops/lengths.ts")>("rules/ops/lengths.ts");
const [one, two] = ["one", "two"].map((name) =>
  action({ op: page, params: {}, inputs: { poem: file("poems/" + name + ".txt") }, outputs: { page: committed("out/" + name + ".html") } }),
);
export default build([
  action({ op: lengths, params: {}, inputs: { a: from(one!, "page"), b: from(two!, "page") }, outputs: { text: committed("out/lengths.txt") } }),
]);
`,
  });
}

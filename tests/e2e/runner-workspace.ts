import * as fs from "node:fs";
import { join } from "node:path";
import { pythonOpFiles } from "../rig/python-op.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/**
 * A workspace of Python ops whose interpreter is the test itself (see fake-runners.ts): `cpu` actions
 * make cpu/<n>.txt from source.txt, `gpu` actions make gpu/<n>.txt, and sum.txt is joined in TypeScript.
 * `action`, `environment` and `resources` are what else is declared of these.
 */
export function runnerWorkspace(
  options: {
    cpu?: number;
    gpu?: number;
    action?: string;
    environment?: string;
    resources?: string;
  } = {},
): TestWorkspace {
  const workspace = TestWorkspace.create({
    "source.txt": "source\n",
    "fake.in": "fake==1.0\n",
    "fake.lock": "fake==1.0 --hash=sha256:0\n",
    "python/aqm_runner/__init__.py": "",
    "python/aqm_runner/ops/__init__.py": "",
    ...pythonOpFiles("work", {
      inputs: { source: "file" },
      outputs: { text: "file" },
      params: { type: "object", required: ["n"], properties: { n: { type: "integer" } } },
    }),
    "rules/ops/join.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, string>): Result<OpOutputs<"text">, OpFailure> {
  return ok({ text: Object.values(inputs).map((input) => input.text()).join("") });
}
`,
    "Aqmfile.ts": `import { action, build, committed, environment, file, from, pythonOp, typescriptOp } from "aqm";
const fake = environment({ name: "fake", requirements: "fake.in", lock: "fake.lock", ${options.environment ?? ""} });
const work = pythonOp("work", fake);
const join = typescriptOp<typeof import("./rules/ops/join.ts")>("rules/ops/join.ts");
const made = (lane: "cpu" | "gpu") => (n: number) =>
  action({
    op: work,
    params: { n },
    inputs: { source: file("source.txt") },
    outputs: { text: committed(lane + "/" + n + ".txt") },
    resources: { [lane]: 1, ${options.resources ?? ""} },
    ${options.action ?? ""}
  });
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const actions = [...numbers(${options.cpu ?? 0}).map(made("cpu")), ...numbers(${options.gpu ?? 0}).map(made("gpu"))];
export default build([
  action({
    op: join,
    params: {},
    inputs: Object.fromEntries(actions.map((one, index) => ["part" + index, from(one, "text")])),
    outputs: { text: committed("sum.txt") },
  }),
]);
`,
  });
  const schemas = "python/aqm_runner/schemas";
  fs.cpSync(join(REPOSITORY, schemas), workspace.path(schemas), { recursive: true });
  return workspace;
}

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FAN_IN, graphOf, sourcePath, sourceText } from "./graph.mjs";
import { nodeTools } from "./generate-node.mjs";
import { pythonTools } from "./generate-python.mjs";

/** @typedef {import("./graph.mjs").Graph} Graph */
/** @typedef {(graph: Graph, size: number) => Record<string, string>} Generator path → text */

/**
 * Writes the sources and the one tool's build file.
 * @param {string} tool
 * @param {string} folder
 * @param {number} size
 */
export function generate(tool, folder, size) {
  for (const name of ["src", "out", "agg"]) mkdirSync(join(folder, name), { recursive: true });
  for (let index = 0; index < size; index++) {
    writeFileSync(join(folder, sourcePath(index)), sourceText(index));
  }
  for (const [path, text] of Object.entries(filesOf(tool, size))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/**
 * @param {string} tool
 * @param {number} size
 */
function filesOf(tool, size) {
  const generator = GENERATORS[tool];
  if (generator === undefined) throw new Error(`there is no generator for ${tool}`);
  return generator(graphOf(size), size);
}

const AQM_OP = (/** @type {string} */ body, /** @type {string} */ role) =>
  `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, string>): Result<OpOutputs<"${role}">, OpFailure> {
  ${body}
}
`;

/** @type {Record<string, Generator>} */
const GENERATORS = {
  aqm: (_graph, size) => ({
    "Aqmfile.ts": `import { action, build, committed, file, from, typescriptOp, type Input } from "aqm";
const copy = typescriptOp<typeof import("./ops/copy.ts")>("ops/copy.ts");
const join = typescriptOp<typeof import("./ops/join.ts")>("ops/join.ts");
const number = (index: number) => String(index).padStart(6, "0");
const parts: Record<string, Input> = {};
for (let part = 0; part * ${FAN_IN} < ${size}; part++) {
  const inputs: Record<string, Input> = {};
  for (let index = part * ${FAN_IN}; index < Math.min((part + 1) * ${FAN_IN}, ${size}); index++) {
    const copied = action({
      op: copy,
      params: {},
      inputs: { from: file(\`src/f\${number(index)}.txt\`) },
      outputs: { to: committed(\`out/f\${number(index)}.txt\`) },
    });
    inputs[\`f\${number(index)}\`] = from(copied, "to");
  }
  const joined = action({ op: join, params: {}, inputs, outputs: { joined: committed(\`agg/a\${number(part)}.txt\`) } });
  parts[\`a\${number(part)}\`] = from(joined, "joined");
}
export default build(action({ op: join, params: {}, inputs: parts, outputs: { joined: committed("final.txt") } }));
`,
    "ops/copy.ts": AQM_OP(`return ok({ to: inputs["from"]?.text() ?? "" });`, "to"),
    "ops/join.ts": AQM_OP(
      `const sorted = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1));
  return ok({ joined: sorted.map(([, input]) => input.text()).join("") });`,
      "joined",
    ),
  }),

  ninja: ({ copies, parts, final }) => ({
    "build.ninja": [
      "rule copy\n  command = cp $in $out",
      "rule join\n  command = cat $in > $out",
      `rule all\n  command = ${final.command}`,
      ...copies.map(({ source, target }) => `build ${target}: copy ${source}`),
      ...parts.map(({ sources, target }) => `build ${target}: join ${sources.join(" ")}`),
      `build ${final.target}: all ${parts.map(({ target }) => target).join(" ")}`,
      "",
    ].join("\n"),
  }),

  make: ({ copies, parts, final }) => ({
    Makefile: [
      `${final.target}: ${parts.map(({ target }) => target).join(" ")}\n\t${final.command}`,
      ...copies.map(({ source, target, command }) => `${target}: ${source}\n\t${command}`),
      ...parts.map(
        ({ sources, target, command }) => `${target}: ${sources.join(" ")}\n\t${command}`,
      ),
      "",
    ].join("\n"),
  }),

  ...pythonTools,
  ...nodeTools,
};

// How long bit plans and frontiers take: node bench/bit-plans.mjs
// Published figures, and made-up ones of the same layers with more formats. Prints a Markdown table.
import { build } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";

const ROUNDS = 9;
const folder = new URL("../tests/fixtures/analysis/", import.meta.url);
const { solveBitPlan, solveFrontier } = await analysis();

async function analysis() {
  const { outputFiles } = await build({
    entryPoints: [new URL("../src/analysis/index.ts", import.meta.url).pathname],
    bundle: true,
    format: "esm",
    write: false,
  });
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  return import(`data:text/javascript;base64,${code}`);
}

/** Numbers in [0, 1) that are the same in every run. */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
}

const figures = readdirSync(folder)
  .sort()
  .map((file) => ({
    name: file.replace(".json", ""),
    ...JSON.parse(readFileSync(new URL(file, folder))),
  }));

const published = figures.map(({ name, weights, scores, formatBits }) => ({
  name: `published: ${name}`,
  groups: weights.map((size, g) => ({
    handle: `g${g}`,
    weights: size,
    candidates: [
      ...(scores[g] === null ? [] : [candidate("F", size, formatBits, scores[g])]),
      candidate("NONE", size, 16, 0),
    ],
  })),
}));

function candidate(format, weights, bits, score) {
  return { format, bits, cost: (weights * bits) / 16, score };
}

/** The 276 layer groups of Qwen2.5-VL-3B, every one with the formats given; `bits` gives a format's bits. */
function made(name, formats, bits) {
  const next = random(formats);
  const { weights } = figures.find(({ name: known }) => known === "qwen25-top10-infeasible");
  return {
    name: `made up: ${name}`,
    groups: weights.map((size, g) => {
      const sensitivity = Math.exp(6 * next() - 3);
      const quantized = Array.from({ length: formats - 1 }, (_, index) => {
        const width = bits(index, next);
        const score = sensitivity * size * 4 ** -width * (0.5 + next());
        return candidate(`F${index}`, size, width, score);
      });
      return {
        handle: `g${g}`,
        weights: size,
        candidates: [...quantized, candidate("NONE", size, 16, 0)],
      };
    }),
  };
}

const CHARGED = [4, 4, 4, 4, 4, 4, 4.5, 4.5, 4, 4, 8, 8, 8, 8, 8];
const STORED = [4.25, 4.25, 4.25, 4.25, 4.5, 4.5, 4.25, 8, 8, 8, 8, 8, 8, 8, 8];
const cases = [
  ...published,
  made("276 x 2", 2, () => 8),
  made("276 x 16, bits as ModelOpt charges", 16, (index) => CHARGED[index]),
  made("276 x 16, bits as stored", 16, (index) => STORED[index]),
  made("276 x 16, bits all different", 16, (_, next) => 3 + 13 * next()),
];

const times = (work) => {
  const taken = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return `${taken[0].toFixed(1)} / ${taken[ROUNDS >> 1].toFixed(1)}`;
};

console.log(`| case | groups | plan at 8.8 bits, ms | frontier, ms | points | given |`);
console.log(`| --- | --- | --- | --- | --- | --- |`);
for (const { name, groups } of cases) {
  const { points, given } = solveFrontier({ groups }).value;
  const cells = [
    name,
    groups.length,
    times(() => solveBitPlan({ groups }, 8.8)),
    times(() => solveFrontier({ groups })),
    points.length,
    given,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
console.log(`\nLeast and median of ${ROUNDS} runs.`);

/** Sources that go into one concatenation. */
export const FAN_IN = 10;

/** Padded, so that the order of a glob is the order of the numbers. */
const number = (/** @type {number} */ index) => String(index).padStart(6, "0");

export const sourcePath = (/** @type {number} */ index) => `src/f${number(index)}.txt`;
const copyPath = (/** @type {number} */ index) => `out/f${number(index)}.txt`;
const partPath = (/** @type {number} */ index) => `agg/a${number(index)}.txt`;

/** Ten thousand names are too long for one argument of a shell, so every tool uses the glob. */
export const JOIN_ALL = "cat agg/*.txt > final.txt";

/**
 * The graph: N sources → N copies → N/10 concatenations → 1.
 * @param {number} size
 */
export function graphOf(size) {
  const copies = Array.from({ length: size }, (_, index) => ({
    name: `copy-${number(index)}`,
    source: sourcePath(index),
    target: copyPath(index),
    command: `cp ${sourcePath(index)} ${copyPath(index)}`,
  }));
  const parts = Array.from({ length: Math.ceil(size / FAN_IN) }, (_, index) => {
    const members = copies.slice(index * FAN_IN, (index + 1) * FAN_IN);
    const sources = members.map(({ target }) => target);
    const target = partPath(index);
    const command = `cat ${sources.join(" ")} > ${target}`;
    return { name: `join-${number(index)}`, members, sources, target, command };
  });
  return { copies, parts, final: { target: "final.txt", command: JOIN_ALL } };
}

/** @typedef {ReturnType<typeof graphOf>} Graph */

/** @param {number} size */
export const targetCount = (size) => size + Math.ceil(size / FAN_IN) + 1;

export const sourceText = (/** @type {number} */ index) => `source ${index}\n`;

/** What final.txt must hold while no source is edited. */
export const finalText = (/** @type {number} */ size) =>
  Array.from({ length: size }, (_, index) => sourceText(index)).join("");

/** Every path that a build of the graph writes. */
export const outputsOf = (/** @type {number} */ size) => [
  ...Array.from({ length: size }, (_, index) => copyPath(index)),
  ...Array.from({ length: Math.ceil(size / FAN_IN) }, (_, index) => partPath(index)),
  "final.txt",
];

export const jsonText = (/** @type {unknown} */ value) => `${JSON.stringify(value, null, 1)}\n`;

/**
 * Globals of which nothing but the code itself decides what they give. Any other global of Node
 * (`process`, `fetch`, `Date`, `globalThis`, `eval` …) can say something new each time.
 */
const STEADY: ReadonlySet<string> = new Set([
  "aqmDeclareHost", // what aqm hands over: see declare/host.ts
  ...`
    undefined NaN Infinity Object Boolean String Symbol Number BigInt parseInt parseFloat
    isNaN isFinite RegExp JSON Promise Reflect Proxy Array Map Set WeakMap WeakSet Iterator
    ArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array
    Int32Array Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array Error
    AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError
    encodeURI encodeURIComponent decodeURI decodeURIComponent escape unescape atob btoa
    TextEncoder TextDecoder URL URLSearchParams structuredClone queueMicrotask console
  `
    .trim()
    .split(/\s+/),
]);

/** Not on `globalThis` of a module, or only of a later Node. */
const ELSEWHERE = ["require", "import.meta", "navigator", "localStorage", "sessionStorage"];

/**
 * Whether bundled code could look at its surroundings: then an unchanged file may still declare something
 * new. Asked of the syntax tree, where a word in a string, a comment, a property name or a variable of
 * one's own is none of these. It is no guard against code that hides what it does.
 *
 * @param imports modules that the bundle leaves outside
 */
export async function isAmbient(code: string, imports: readonly string[]): Promise<boolean> {
  return imports.length > 0 || (await surroundings(code)).length > 0;
}

/** The last answer: a watch asks about the same code after most edits. */
let last: { readonly code: string; readonly names: readonly string[] } | null = null;

/** The names by which bundled code could look at its surroundings, each once. */
export async function surroundings(code: string): Promise<readonly string[]> {
  if (last?.code !== code) last = { code, names: await namesIn(code) };
  return last.names;
}

async function namesIn(code: string): Promise<readonly string[]> {
  const { transform } = await import("esbuild");
  const marks = marksFor(code);
  const options = { loader: "js", format: "esm", target: "node20", logLevel: "silent" } as const;
  const define = marks.definitions;
  const marked = await transform(code, { ...options, define });
  const names = new Set(findMarks(marked.code, marks).map(({ name }) => name));
  // A bundle only keeps imports whose names are found out while it runs; without them it is other code.
  const supported = { "dynamic-import": false };
  const without = /\bimport\b/.test(code)
    ? await transform(code, { ...options, define, supported })
    : marked;
  if (without.code !== marked.code) names.add("a module whose name is found out while it runs");
  return [...names];
}

/** What stands in the place of each global that is not steady. */
export interface Marks {
  readonly mark: string;
  /** By the number behind the mark. */
  readonly names: readonly string[];
  readonly definitions: Readonly<Record<string, string>>;
}

/** Marks for each global that is not steady, and for `Math` where it is not `Math.floor` or the like. */
export function marksFor(code: string): Marks {
  let mark = "ambient_";
  while (code.includes(mark)) mark += "_";
  const names = [...Object.getOwnPropertyNames(globalThis), ...ELSEWHERE].filter(
    (name) => !STEADY.has(name) && /^[\w$.]+$/.test(name),
  );
  const steadyMath = Object.getOwnPropertyNames(Math).filter((name) => name !== "random");
  const definitions = Object.fromEntries([
    ...names.map((name, index) => [name, `${mark}${index}_`] as const),
    ...steadyMath.map((name) => [`Math.${name}`, `Math.${name}`] as const),
  ]);
  return { mark, names, definitions };
}

/** Where code has marks, in its order. */
export function findMarks(
  code: string,
  { mark, names }: Marks,
): readonly { readonly name: string; readonly at: number }[] {
  return [...code.matchAll(new RegExp(`${mark}(\\d+)_(\\.random\\b|\\["random"\\])?`, "g"))].map(
    ({ 1: number, 2: member, index }) => {
      const name = names[Number(number)] ?? "";
      return { name: name === "Math" && member !== undefined ? "Math.random" : name, at: index };
    },
  );
}

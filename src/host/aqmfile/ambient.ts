/**
 * Globals of which nothing but the code itself decides what they give. Whatever else Node has there
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
  if (imports.length > 0) return true;
  if (last?.code !== code) last = { code, isAmbient: await looksAround(code) };
  return last.isAmbient;
}

/** The last answer: whoever watches asks of the same code after most edits. */
let last: { readonly code: string; readonly isAmbient: boolean } | null = null;

async function looksAround(code: string): Promise<boolean> {
  const { transform } = await import("esbuild");
  const mark = markNotIn(code);
  const options = { loader: "js", format: "esm", target: "node20", logLevel: "silent" } as const;
  const define = definitions(mark);
  const marked = await transform(code, { ...options, define });
  if (marked.code.includes(mark)) return true;
  // A bundle only keeps imports whose names are found out while it runs; without them it is other code.
  const supported = { "dynamic-import": false };
  return (await transform(code, { ...options, define, supported })).code !== marked.code;
}

/** Puts `mark` in the place of each global that is not steady, and of `Math` where it is not `Math.floor` or the like. */
function definitions(mark: string): Record<string, string> {
  const unsteady = [...Object.getOwnPropertyNames(globalThis), ...ELSEWHERE].filter(
    (name) => !STEADY.has(name) && /^[\w$.]+$/.test(name),
  );
  const steadyMath = Object.getOwnPropertyNames(Math).filter((name) => name !== "random");
  return Object.fromEntries([
    ...unsteady.map((name) => [name, mark] as const),
    ...steadyMath.map((name) => [`Math.${name}`, `Math.${name}`] as const),
  ]);
}

function markNotIn(code: string): string {
  let mark = "ambient_";
  while (code.includes(mark)) mark += "_";
  return mark;
}

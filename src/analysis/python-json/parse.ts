import { failed, ok, type Analysed } from "../result/result.ts";
import { MAX_DEPTH, parseNatively } from "./native-parse.ts";
import { pyFloat, type PyJson } from "./value.ts";

/**
 * Parses JSON as Python's `json.loads` does, keeping what a JavaScript parse
 * loses: whether a number was written as an integer or a float, and key order.
 * Bare NaN and Infinity are read, so that the caller can say which field holds one.
 */
export function parsePythonJson(text: string): Analysed<PyJson> {
  const found = parseNatively(withoutMark(text));
  return found === undefined ? parseByHand(text) : ok(found);
}

/** A byte order mark says nothing of the content; editors and PowerShell put one in front. */
const withoutMark = (text: string): string => (text.startsWith("\ufeff") ? text.slice(1) : text);

/** The same for any text, and where it is wrong says what and where. */
export function parseByHand(text: string): Analysed<PyJson> {
  const scan: Scan = { text: withoutMark(text), at: 0, problem: undefined };
  const value = parseValue(scan, 0);
  skipSpace(scan);
  if (scan.problem === undefined && scan.at < text.length) stop(scan, "text after the end");
  if (scan.problem === undefined) return ok(value);
  const line = text.slice(0, scan.at).split("\n").length;
  const where = `line ${line}`;
  return failed(
    "not_json",
    where,
    `Not readable as JSON: ${scan.problem} at ${where}. Check that the file is complete, or make it again.`,
  );
}

interface Scan {
  readonly text: string;
  at: number;
  /** Set once, at the first thing that is not JSON; parsing then winds down. */
  problem: string | undefined;
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;

const WORDS: ReadonlyArray<readonly [string, PyJson]> = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", { float: NaN }],
  ["Infinity", { float: Infinity }],
  ["-Infinity", { float: -Infinity }],
];

function parseValue(scan: Scan, depth: number): PyJson {
  skipSpace(scan);
  if (depth > MAX_DEPTH) return stop(scan, `nesting deeper than ${MAX_DEPTH}`);
  const first = scan.text[scan.at];
  if (first === "{") return parseObject(scan, depth);
  if (first === "[") return parseList(scan, depth);
  if (first === '"') return parseString(scan);
  for (const [word, value] of WORDS) {
    if (scan.text.startsWith(word, scan.at)) {
      scan.at += word.length;
      return value;
    }
  }
  return parseNumber(scan);
}

function parseObject(scan: Scan, depth: number): PyJson {
  const object = new Map<string, PyJson>();
  scan.at += 1;
  if (accept(scan, "}")) return object;
  do {
    skipSpace(scan);
    const key = scan.text[scan.at] === '"' ? parseString(scan) : stop(scan, "a key is missing");
    if (!accept(scan, ":")) return stop(scan, "a colon is missing");
    // Python keeps the last one; what the first one said would be lost without a word.
    if (object.has(key)) return stop(scan, `the key ${JSON.stringify(key)} is there twice`);
    object.set(key, parseValue(scan, depth + 1));
  } while (scan.problem === undefined && accept(scan, ","));
  return accept(scan, "}") ? object : stop(scan, "an object does not end");
}

function parseList(scan: Scan, depth: number): PyJson {
  const list: PyJson[] = [];
  scan.at += 1;
  if (accept(scan, "]")) return list;
  do {
    list.push(parseValue(scan, depth + 1));
  } while (scan.problem === undefined && accept(scan, ","));
  return accept(scan, "]") ? list : stop(scan, "a list does not end");
}

function parseString(scan: Scan): string {
  const literal = match(scan, STRING)?.[0];
  if (literal === undefined) return stop(scan, "a string is not valid");
  return literal.includes("\\") ? (JSON.parse(literal) as string) : literal.slice(1, -1);
}

function parseNumber(scan: Scan): PyJson {
  const found = match(scan, NUMBER);
  if (found === null) return stop(scan, "a value is missing");
  const value = Number(found[0]);
  if (found[1] !== undefined || found[2] !== undefined) return pyFloat(value);
  // Python has no negative integer zero.
  if (value === 0) return 0;
  return Number.isSafeInteger(value) ? value : BigInt(found[0]);
}

function match(scan: Scan, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = scan.at;
  const found = pattern.exec(scan.text);
  if (found !== null) scan.at += found[0].length;
  return found;
}

function accept(scan: Scan, character: string): boolean {
  skipSpace(scan);
  if (scan.text[scan.at] !== character) return false;
  scan.at += 1;
  return true;
}

function skipSpace(scan: Scan): void {
  for (;;) {
    const code = scan.text.charCodeAt(scan.at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    scan.at += 1;
  }
}

/** Notes the first problem; the returned text stands in for a value that is not used. */
function stop(scan: Scan, problem: string): string {
  scan.problem ??= problem;
  return "";
}

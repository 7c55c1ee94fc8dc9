import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import { isPyList, isPyObject, numericValue, type PyJson } from "../python-json/value.ts";
import { PLAN_SCHEMA } from "./documents.ts";

/** What a bit plan decides, and what was asked for, as `planJson` writes it. */
export interface PublishedBitPlan {
  /** Average stored bits a weight, over the layers that may be quantized. */
  readonly bits: number;
  /** 10^9 bytes of these layers as stored. */
  readonly gigabytes: number;
  /** What was asked for, as text by dotted name. */
  readonly settings: ReadonlyMap<string, string>;
  readonly layers: readonly {
    readonly group: string;
    readonly modules: readonly string[];
    readonly format: string;
    /** Elements of all modules. */
    readonly weights: number;
    /** Stored bits a weight. */
    readonly bits: number;
  }[];
}

/** What is found, and not asked for. */
const RESULTS: ReadonlySet<string> = new Set(["schema", "achieved", "frontier", "layers"]);

/** Reads and checks a bit plan document. */
export function readBitPlan(text: string): Analysed<PublishedBitPlan> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== PLAN_SCHEMA) {
    const what = `Bit plans of schema ${schema} are not readable here (this version reads ${PLAN_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build the plan again.`);
  }
  const settings = new Map<string, string>();
  for (const [key, value] of root.verbatim) if (!RESULTS.has(key)) collect(value, key, settings);
  const layers = root.objects("layers").map((of) => {
    const group = of.string("name");
    const modules = of.strings("modules");
    // A group of one module is called like it.
    return {
      group,
      modules: modules.length === 0 ? [group] : modules,
      format: of.string("format"),
      weights: of.number("weights"),
      bits: of.number("bits"),
    };
  });
  const achieved = root.object("achieved");
  const [bits, gigabytes] = [achieved.number("bits"), achieved.number("gigabytes")];
  const failure = root.firstProblem;
  return failure === undefined
    ? ok({ bits, gigabytes, settings, layers })
    : { ok: false, error: failure };
}

function collect(value: PyJson, name: string, found: Map<string, string>): void {
  if (isPyObject(value)) {
    for (const [key, item] of value) collect(item, `${name}.${key}`, found);
  } else if (isPyList(value)) {
    for (const [at, item] of value.entries()) collect(item, `${name}.${at}`, found);
  } else if (typeof value === "string") found.set(name, value);
  else if (value === null || typeof value === "boolean") found.set(name, String(value));
  else found.set(name, String(numericValue(value)));
}

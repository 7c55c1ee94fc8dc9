import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";

export const SERVING_WORDS = [
  "serves",
  "loads strictly (not run)",
  "rejected",
  /** vLLM lacks a kernel on this device: the device's limit, and nothing is said of the files. */
  "not checked",
] as const;

export type ServingWord = (typeof SERVING_WORDS)[number];

/** What vLLM answered to an exported folder: the `status` output of the op `serving_check`. */
export interface ServingStatus {
  /** Its version. */
  readonly vllm: string;
  /** In words: `cpu`, `invented, compute capability 9.0`, `NVIDIA H200`. */
  readonly device: string;
  readonly word: ServingWord;
  /** The level that rejected it; null where none did. */
  readonly level: number | null;
  /** Of a rejection, or why nothing was checked. */
  readonly reason: string | null;
  /** What vLLM raised. */
  readonly trace: string | null;
  /** Whether vLLM loads it without a setting of ours: `loads`, or `rejected: …`. */
  readonly byDefault: string;
  /** Layers that the files hold quantized, or the plan means to be, and that vLLM would run unquantized. */
  readonly unquantized: readonly string[];
  /** Level 6: vLLM's parameters against the file's; null where an earlier level ended it. */
  readonly compared: {
    readonly parameters: number;
    readonly different: readonly string[];
  } | null;
  /** What the running server was timed at; null where nothing ran. */
  readonly speed: ServingSpeed | null;
}

/** Times and memory of a running server, one sequence at a time. */
export interface ServingSpeed {
  readonly prompt_tokens: number;
  readonly new_tokens: number;
  /** Until the first token, milliseconds: the median of several runs. */
  readonly prefill_ms: number;
  /** Of each further token, milliseconds. */
  readonly decode_ms: number;
  /** Device memory in use while it serves, with a cache of `cache_bytes`. */
  readonly peak_bytes: number;
  readonly cache_bytes: number;
}

const SERVING_SCHEMA = 1;

/** Reads and checks a serving status. */
export function readServingStatus(text: string): Analysed<ServingStatus> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== SERVING_SCHEMA) {
    const what = `Serving statuses of schema ${schema} are not readable here (this version reads ${SERVING_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Check again.`);
  }
  const textOrNull = (key: string): string | null =>
    root.verbatim.get(key) === null ? null : root.string(key);
  const compared = root.verbatim.get("compared") === null ? null : root.object("compared");
  const status: ServingStatus = {
    vllm: root.string("vllm"),
    device: root.string("device"),
    word: root.oneOf("status", SERVING_WORDS) ?? "rejected",
    level: root.verbatim.get("level") === null ? null : root.integer("level", 1),
    reason: textOrNull("reason"),
    trace: textOrNull("trace"),
    byDefault: root.string("by_default"),
    unquantized: root.strings("unquantized"),
    compared:
      compared === null
        ? null
        : {
            parameters: compared.integer("parameters", 0),
            different: compared.strings("different"),
          },
    speed: root.has("speed") ? readServingSpeed(root, "speed") : null,
  };
  if (status.word === "rejected" && (status.level === null || status.reason === null)) {
    root.problem("wrong_structure", "status", "is rejected without a level and a reason");
  }
  if (status.word === "not checked" && status.reason === null) {
    root.problem("wrong_structure", "status", "is not checked without a reason");
  }
  const isTaken = status.word === "serves" || status.word === "loads strictly (not run)";
  const [different] = status.compared?.different ?? [];
  if (isTaken && (status.compared === null || different !== undefined)) {
    const what =
      different === undefined ? "compares no parameters" : `names ${different} as different`;
    root.problem("figures_disagree", "compared", `${what}, and the status is ${status.word}`);
  }
  const failure = root.firstProblem;
  return failure === undefined ? ok(status) : { ok: false, error: failure };
}

/** Null where the field is. */
export function readServingSpeed(of: FieldReader, key: string): ServingSpeed | null {
  if (of.verbatim.get(key) === null) return null;
  const fields = of.object(key);
  return {
    prompt_tokens: fields.integer("prompt_tokens", 1),
    new_tokens: fields.integer("new_tokens", 1),
    prefill_ms: fields.number("prefill_ms"),
    decode_ms: fields.number("decode_ms"),
    peak_bytes: fields.integer("peak_bytes", 1),
    cache_bytes: fields.integer("cache_bytes", 0),
  };
}

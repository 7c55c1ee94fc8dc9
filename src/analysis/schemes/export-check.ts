import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";

/** What was found when an exported folder was read back: the `check` output of the ops that export. */
export interface ExportCheck {
  /** Which op exported and checked. */
  readonly op: string;
  /** SHA-256 of the plan's groups and formats, or of a recipe's name. */
  readonly plan: string;
  readonly scope: "lm" | "all_layers";
  /** Of all files of the folder. */
  readonly bytes: number;
  /** Of all tensors. */
  readonly weightBytes: number;
  /** Layers that the files hold in a quantized format. */
  readonly quantizedLayers: number;
  /** Layers that the scope may quantize, and that the files hold as they were. */
  readonly keptLayers: number;
  /** Layers by format; the unquantized ones are not in it. */
  readonly formats: Readonly<Record<string, number>>;
  readonly layers: readonly CheckedLayer[];
  /** SHA-256 over the digests of all layers and the tensors that were kept. */
  readonly weights: string;
  readonly logits: CheckedLogits;
  /** Names of the gates that passed, in their order. */
  readonly gates: readonly string[];
}

export interface CheckedLayer {
  /** Path of the module. */
  readonly layer: string;
  readonly format: string;
  /** SHA-256 of the layer's tensors: names within the layer, dtypes, shapes, bytes. */
  readonly digest: string;
  /** Largest difference of the dequantized and the simulated weights, as a share of the layer's largest weight. */
  readonly difference: number;
  readonly tolerance: number;
}

/** Logits of the exported folder against the simulated model's. */
export interface CheckedLogits {
  readonly largestDifference: number;
  /** Nats a token. */
  readonly kl: number;
  readonly tolerance: number;
  readonly tokens: number;
}

const CHECK_SCHEMA = 1;

/** Reads and checks the check document of an export. */
export function readExportCheck(text: string): Analysed<ExportCheck> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== CHECK_SCHEMA) {
    const what = `Checks of exports of schema ${schema} are not readable here (this version reads ${CHECK_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Export again.`);
  }
  const formats = root.object("formats");
  const logits = root.object("logits");
  const check: ExportCheck = {
    op: root.string("op"),
    plan: root.string("plan"),
    scope: root.oneOf("scope", ["lm", "all_layers"]) ?? "lm",
    bytes: root.integer("bytes", 1),
    weightBytes: root.integer("weight_bytes", 1),
    quantizedLayers: root.integer("quantized_layers", 0),
    keptLayers: root.integer("kept_layers", 0),
    formats: Object.fromEntries(
      [...formats.verbatim.keys()].map((name) => [name, formats.integer(name, 0)]),
    ),
    layers: root.objects("layers").map((layer) => ({
      layer: layer.string("layer"),
      format: layer.string("format"),
      digest: layer.string("digest"),
      difference: layer.number("difference"),
      tolerance: layer.number("tolerance"),
    })),
    weights: root.string("weights"),
    logits: {
      largestDifference: logits.number("largest_difference"),
      kl: logits.number("kl"),
      tolerance: logits.number("tolerance"),
      tokens: logits.integer("tokens", 0),
    },
    gates: root.strings("gates"),
  };
  if (check.weights === "") root.problem("wrong_structure", "weights", "is empty");
  if (check.plan === "") root.problem("wrong_structure", "plan", "is empty");
  const failure = root.firstProblem;
  return failure === undefined ? ok(check) : { ok: false, error: failure };
}

import { parseFormatLabel, UNQUANTIZED } from "../formats/label.ts";
import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";
import type { PyJson } from "../python-json/value.ts";
import { MODELOPT } from "../scores/engines.ts";
import { nameOf } from "../scores/handle.ts";
import type { LayerSensitivity, Manifest, MeasuredBasis } from "./manifest.ts";

/** Reads and checks a manifest of any published generation. */
export function readManifest(text: string): Analysed<Manifest> {
  const parsed = parsePythonJson(text);
  return parsed.ok ? manifestOf(parsed.value) : parsed;
}

/** The view of a manifest that is already JSON. */
export function manifestOf(json: PyJson): Analysed<Manifest> {
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(json, "", problems);
  const scheme = root.object("scheme");
  const state = root.object("autoquant_state");
  const layers = root.object("layer_sensitivity");
  const manifest: Manifest = {
    json: root.verbatim,
    schemeName: scheme.string("name"),
    budgetBits: scheme.number("auto_quantize_bits"),
    engine: engineOf(root),
    method: scheme.string("auto_quantize_method"),
    modelId: root.has("model") ? root.object("model").string("id") : undefined,
    search: {
      effectiveBits: state.object("constraints").number("effective_bits"),
      score: state.number("score"),
      satisfied: state.boolean("is_satisfied"),
    },
    layers: [...layers.verbatim.keys()].map((handle) => readLayer(layers, handle, problems)),
    measured: root.has("aqm") ? readMeasured(root.object("aqm")) : undefined,
  };
  checkWhole(scheme, manifest, problems);
  const failure = root.firstProblem;
  return failure === undefined ? ok(manifest) : { ok: false, error: failure };
}

/** No layer is there twice, and each format that the scheme lists is one that a layer may choose, and no other is. */
function checkWhole(scheme: FieldReader, { layers }: Manifest, problems: AnalysisFailure[]): void {
  if (problems.length > 0) return;
  const seen = new Set<string>();
  for (const { name } of layers) {
    if (seen.has(name)) {
      const where = `layer_sensitivity.${name}`;
      scheme.problem("duplicate_group", where, "is there twice, by two spellings of its name");
    }
    seen.add(name);
  }
  if (!scheme.has("quant_formats")) return;
  const listed = scheme.strings("quant_formats");
  const known = new Set(
    layers.flatMap(({ candidates }) =>
      candidates.flatMap(({ format }) => (format === UNQUANTIZED ? [] : [format])),
    ),
  );
  const where = "scheme.quant_formats";
  if (new Set(listed).size < listed.length)
    scheme.problem("wrong_structure", where, `lists a format twice: ${listed.join(", ")}`);
  else if (known.size > 0 && known.size !== listed.length) {
    const what = `lists ${listed.join(", ")}, but the layers choose among ${[...known].join(", ")}`;
    scheme.problem("wrong_structure", where, what);
  }
}

/** Manifests of ModelOpt do not name their engine: the layout was its own. */
function engineOf(root: FieldReader): string {
  const extras = root.has("aqm") ? root.object("aqm") : undefined;
  return extras?.has("engine") === true ? extras.string("engine") : MODELOPT;
}

/** Schema number of what aqm adds to a manifest, under its own key. */
export const EXTRAS_SCHEMA = 1;

function readMeasured(extras: FieldReader): MeasuredBasis | undefined {
  const schema = extras.integer("schema", 1);
  // A later schema may mean something else by these names; the rest of the manifest still reads.
  if (schema !== EXTRAS_SCHEMA) return undefined;
  const basis = extras.object("raw_scores");
  // Scores that were taken over may not say over how much they were summed.
  if ([...basis.verbatim.values()].includes(null)) return undefined;
  return {
    samples: basis.integer("samples", 1),
    batches: basis.integer("batches", 1),
    tokens: basis.integer("tokens", 1),
  };
}

function readLayer(
  layers: FieldReader,
  handle: string,
  problems: AnalysisFailure[],
): LayerSensitivity {
  const fields = layers.object(handle);
  const labels = fields.strings("formats");
  const scores = fields.numbers("scores");
  const costs = fields.numbers("costs");
  if (labels.length === 0 || scores.length !== labels.length || costs.length !== labels.length) {
    const what = `has ${labels.length} formats, ${scores.length} scores and ${costs.length} costs, where equally many and at least one are needed`;
    fields.problem("wrong_structure", `layer_sensitivity.${handle}`, what);
  }
  const candidates = labels.map((label, index) => {
    const format = parseFormatLabel(label);
    if (!format.ok) {
      const { reason, message } = format.error;
      problems.push(failed(reason, handle, `${handle}: ${message}`).error);
    }
    const { name, bits } = format.ok ? format.value : { name: "", bits: 0 };
    return { format: name, bits, score: scores[index] ?? 0, cost: costs[index] ?? 0 };
  });
  return { name: nameOf(handle), candidates };
}

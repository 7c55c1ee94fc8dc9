import type { Manifest } from "../manifest/manifest.ts";
import { isPyObject, numericValue, type PyJson, type PyObject } from "../python-json/value.ts";
import { costText, measuredText, type Measurement } from "../report/measurement.ts";
import type { PageAnalysis } from "./page-model.ts";
import { meaningOf, MODELOPT } from "../scores/engines.ts";

/** A file that a page was made from. */
export interface PageSource {
  readonly what: string;
  readonly path: string;
  /** `sha256:…` of its bytes. */
  readonly digest: string;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** What the measurement ran on and with; where analyses differ, every value that there is. */
export function measurementFacts(analyses: readonly PageAnalysis[]): readonly Fact[] {
  const facts = new Map<string, Set<string>>();
  for (const { name, value } of analyses.flatMap(({ manifest }) => factsOf(manifest))) {
    const values = facts.get(name);
    if (values === undefined) facts.set(name, new Set([value]));
    else values.add(value);
  }
  const shared = [...facts].map(([name, values]) => ({ name, value: [...values].join("; ") }));
  return [...shared, ...costFacts(analyses)];
}

/** What the measurements took together, and when and on what they ran. */
function costFacts(analyses: readonly PageAnalysis[]): readonly Fact[] {
  const known = analyses.flatMap(({ measurement }) => measurement ?? []);
  const missing = analyses.length - known.length;
  const value = known.length === 0 ? "not recorded" : `${costText(known)}${shareText(known)}`;
  const lacking = known.length > 0 && missing > 0 ? `; of ${missing} not recorded` : "";
  const memory = Math.max(...known.map(({ peakGpuMemoryBytes }) => peakGpuMemoryBytes ?? 0), 0);
  return [
    { name: "cost of scoring", value: `${value}${lacking}` },
    ...(memory > 0
      ? [{ name: "GPU memory at most", value: `${(memory / 1e9).toFixed(1)} GB` }]
      : []),
    ...(known.length > 0 ? [{ name: "measured", value: measuredText(known) }] : []),
  ];
}

function shareText(known: readonly Measurement[]): string {
  const most = Math.max(...known.map(({ together }) => together));
  if (most === 1) return "";
  return known.length === 1
    ? `, its share of ${most} analyses scored together`
    : `, up to ${most} analyses scored together`;
}

const DATASET: Readonly<Record<string, string>> = {
  name: "data set",
  size: "size",
  captions_path: "captions",
  vlm_calib_db: "images and texts",
  num_calib_samples: "calibration samples",
  calib_seq_len: "tokens a sample, at most",
  batch_size: "batch size",
};

function factsOf({ json, modelId, engine, method, measured }: Manifest): readonly Fact[] {
  const extras = inside(json, "aqm");
  const dataset = inside(json, "dataset");
  const budget = inside(extras, "budget");
  const facts: [string, string | undefined][] = [
    ["model", modelId],
    ["engine", engine === MODELOPT ? undefined : engine],
    ["method", method],
    ...Object.entries(DATASET).map(([key, name]): [string, string | undefined] => [
      name,
      text(dataset.get(key)),
    ]),
    ["scored samples", measured?.samples.toString()],
    ["scored batches", measured?.batches.toString()],
    [meaningOf(engine, method).tokens, measured?.tokens.toString()],
    ["bits asked for, on layers that may be quantized", text(budget.get("requested"))],
    ["taken over from", text(inside(extras, "taken_over").get("from"))],
    ...[...inside(extras, "environment")].map(([name, version]): [string, string | undefined] => [
      name,
      text(version),
    ]),
  ];
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
}

function inside(object: PyObject, key: string): PyObject {
  const value = object.get(key);
  return isPyObject(value) ? value : new Map<string, PyJson>();
}

const text = (value: PyJson | undefined): string | undefined =>
  typeof value === "string" ? value : numericValue(value)?.toString();

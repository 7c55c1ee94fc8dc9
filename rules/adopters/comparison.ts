import {
  adjustedBits,
  isPyList,
  isPyObject,
  numericValue,
  type Manifest,
  type PyJson,
  type PyObject,
} from "aqm/analysis";
import { SCOPES, SIZES, type Scope } from "../configs.ts";
import { PAIR_FOLDER, type DeclaredRun } from "./declared-run.ts";

type Plain = string | number | boolean | null;

/** One field: what was declared, and what was found. */
export interface Comparison {
  readonly field: string;
  readonly declared: Plain;
  /** Undefined where the artifact does not say. */
  readonly found: Plain | undefined;
  /** It is one of the fields that tell runs apart. */
  readonly identity: boolean;
  readonly equal: boolean;
}

export const isContradicted = ({ found, equal }: Comparison): boolean =>
  found !== undefined && !equal;

/** What tells runs apart must be said by something; else only a person can say it. */
export const needsWord = (field: Comparison): boolean =>
  isContradicted(field) || (field.identity && field.found === undefined);

/** Every field of a declared run that a manifest, or where it lies, could say something of. */
export function comparePublished(
  run: DeclaredRun,
  manifest: Manifest,
  path: string,
  models: readonly string[],
): readonly Comparison[] {
  const { json } = manifest;
  const scheme = objectAt(json, "scheme");
  const dataset = objectAt(json, "dataset");
  const wanted = run.manifest.dataset;
  const place = readPlace(path);
  const said = (object: PyObject, key: string): Plain | undefined => plain(object.get(key));
  const format = firstOf(scheme.get("quant_formats"));
  const granularity = objectAt(objectAt(json, "quantization"), "quant_granularity").get("name");
  const found = scopeOf(manifest, path);
  return [
    is("model", run.models.join(" or "), manifest.modelId ?? modelOf(path, models), {
      identity: true,
      equal: (_names, found) => run.models.some((name) => isModel(name, String(found))),
    }),
    is("engine", run.engine, manifest.engine, { identity: true }),
    is("format", run.format, format, { identity: true, equal: sameFormat }),
    is("scope", run.scope, found, { identity: true }),
    is("size", wanted.size, said(dataset, "size") ?? place.size, { identity: true }),
    is("granularity", run.granularity ?? "default", plain(granularity) ?? "default", {
      identity: true,
    }),
    is("weights in the folder's name", run.weight, place.weight, { equal: sameNumbers }),
    is("activations in the folder's name", run.activation, place.activation, {
      equal: sameNumbers,
    }),
    is("size in the folder's name", wanted.size, place.size),
    is("score_size", run.manifest.score_size, said(scheme, "auto_quantize_score_size")),
    is("method", plainOf(run.scores["method"]), said(scheme, "auto_quantize_method")),
    is("effective bits over the whole model", budgetOf(run, manifest), manifest.budgetBits, {
      equal: closeTo,
    }),
    is(
      "coverage_mode",
      run.scope === "lm" ? "lm_only" : "full",
      said(scheme, "coverage_mode") === "lm_default" ? "lm_only" : said(scheme, "coverage_mode"),
    ),
    is("coverage_fraction", 1, said(scheme, "coverage_fraction")),
    is("vision layers that may be quantized", ...visionOf(run, manifest)),
    is("other layers that stay unquantized", 0, keptOthers(manifest)),
    is(
      "include_lm_head",
      plainOf(run.scores["include_lm_head"]),
      manifest.layers.some(
        ({ name, candidates }) => name.startsWith("lm_head") && candidates.length > 1,
      ),
    ),
    is("data set", wanted.name, said(dataset, "name")),
    is("captions", wanted.captions_path, said(dataset, "captions_path"), { equal: endsWith }),
    is("calibration database", wanted.vlm_calib_db, said(dataset, "vlm_calib_db"), {
      equal: endsWith,
    }),
    is("calibration samples", wanted.max_calib_samples, said(dataset, "num_calib_samples")),
    is("batch size", plainOf(run.scores["batch_size"]), said(dataset, "batch_size")),
    is("sequence length", plainOf(run.scores["sequence_length"]), said(dataset, "calib_seq_len")),
  ];
}

/** What a manifest does not say, in words. */
export function unknownOf(run: DeclaredRun, compared: readonly Comparison[]): readonly string[] {
  const silent = compared.filter(
    ({ found, field, declared }) =>
      found === undefined && declared !== null && !field.endsWith("folder's name"),
  );
  const settings = ["dtype", "padding", "loss", "attention"].filter((name) => name in run.scores);
  return [
    "the weights (no digest is recorded)",
    "the calibration rows (no digest is recorded)",
    "versions and device",
    `the attributes of the quantizers${settings.length > 0 ? `, ${settings.join(", ")}` : ""}`,
    ...(compared.some(({ field, found }) => field === "data set" && found === undefined)
      ? ["the size but for what the folder is called"]
      : []),
    ...(silent.length > 0 ? [silent.map(({ field }) => field).join(", ")] : []),
  ];
}

type Equal = (declared: Plain, found: Plain) => boolean;

function is(
  field: string,
  declared: Plain,
  found: Plain | undefined,
  { identity = false, equal = Object.is as Equal } = {},
): Comparison {
  // What is not declared cannot be contradicted.
  const same = declared === null || found === undefined || equal(declared, found);
  return { field, declared, found: found ?? undefined, identity, equal: same };
}

/** Published paths are absolute; declared ones are relative to the workspace. */
const endsWith: Equal = (declared, found) =>
  found === declared || String(found).endsWith(`/${String(declared)}`);

/** By its place or its hub id, at the end of a path, or as the folder of Hugging Face's cache. */
const isModel = (name: string, found: string): boolean =>
  endsWith(name.replace(/\/+$/, ""), found.replace(/\/+$/, "")) ||
  `/${found}/`.includes(`/models--${name.replaceAll("/", "--")}/`);

const closeTo: Equal = (declared, found) =>
  Math.abs(Number(declared) - Number(found)) <= 1e-9 * Math.abs(Number(declared));

/**
 * Names under which published runs asked for the same quantizers: the presets for all layers differ
 * from the others only in layers that they do not leave out, and those are compared as layers.
 */
const SAME_FORMATS: readonly (readonly Plain[])[] = [
  ["INT8_DEFAULT_CFG", "INT8_LM_DEFAULT_CFG", "INT8_ALL_LAYERS_CFG"],
  ["FP8_DEFAULT_CFG", "FP8_ALL_LAYERS_CFG"],
];

const sameFormat: Equal = (declared, found) =>
  declared === found ||
  SAME_FORMATS.some((names) => names.includes(declared) && names.includes(found));

/** Published folders say `fp4` of what is NVFP4; MXFP4 was never published. */
const sameNumbers: Equal = (declared, found) =>
  declared === found || (declared === "nvfp4" && found === "fp4");

/** The budget over the whole model that the declared request means for the layers of this manifest. */
function budgetOf({ manifest: { effective_bits } }: DeclaredRun, { layers }: Manifest): number {
  const shares = layers.map(({ candidates }) => ({
    weights: Math.max(...candidates.map(({ cost }) => cost)),
    enabled: candidates.length > 1,
  }));
  return adjustedBits(shares, effective_bits);
}

const isVision = (name: string): boolean => /(?:^|\.)visual\./.test(name);

function visionOf(run: DeclaredRun, { layers }: Manifest): readonly [number, number] {
  const vision = layers.filter(({ name }) => isVision(name));
  const open = vision.filter(({ candidates }) => candidates.length > 1).length;
  return [run.scope === "lm" ? 0 : vision.length, open];
}

/** Layers outside of vision that were no candidates; no scope declares that. */
const keptOthers = ({ layers }: Manifest): number =>
  layers.filter(
    ({ name, candidates }) =>
      !isVision(name) && !name.startsWith("lm_head") && candidates.length === 1,
  ).length;

/** What was meant to be measured: the mode, the name, or whether data reached the vision layers. */
function scopeOf({ json, layers, schemeName }: Manifest, path: string): Scope {
  const mode = objectAt(json, "scheme").get("coverage_mode");
  if (mode === "lm_only" || mode === "lm_default") return "lm";
  if (`${schemeName} ${path}`.includes("all_layers")) return "all_layers";
  const seen = layers.some(
    ({ name, candidates }) => isVision(name) && candidates.some(({ score }) => score > 0),
  );
  return seen ? SCOPES[1] : SCOPES[0];
}

/** The model that a folder is named after, of those declared; names in folders may lack their last part. */
function modelOf(path: string, models: readonly string[]): string | undefined {
  return models.find((model) => {
    const name = model.split("/").find((part, index) => index > 0 && part !== "") ?? model;
    const short = name.slice(0, Math.max(name.lastIndexOf("_"), 0)) || name;
    return path.split("/").some((part) => part === short || part.startsWith(`${short}_`));
  });
}

/** What the folders that a file lies in say of its run. */
function readPlace(path: string): {
  readonly weight: string | undefined;
  readonly activation: string | undefined;
  readonly size: string | undefined;
} {
  const folders = path.split("/").slice(0, -1);
  const run = folders.at(-1) ?? "";
  const pair =
    folders.map((part) => PAIR_FOLDER.exec(part)).find((found) => found !== null) ??
    /(?:^|_)w(fp4|fp8|int4|int8)_a(fp16|fp8|int4|int8)(?:_|$)/.exec(run) ??
    /(?:^|_)(fp4|fp8|int4|int8)(?:_|$)()/.exec(run);
  const size = SIZES.find((name) =>
    folders.some((part) => new RegExp(`(?:^|_)${name}$`).test(part)),
  );
  return { weight: pair?.[1], activation: pair?.[2] === "" ? undefined : pair?.[2], size };
}

const EMPTY: PyObject = new Map();

function objectAt(object: PyObject, key: string): PyObject {
  const value = object.get(key);
  return isPyObject(value) ? value : EMPTY;
}

function firstOf(list: PyJson | undefined): string | undefined {
  const [first] = isPyList(list) ? list : [];
  return typeof first === "string" ? first : undefined;
}

function plain(value: PyJson | undefined): Plain | undefined {
  if (typeof value === "string" || typeof value === "boolean") return value;
  return numericValue(value);
}

const plainOf = (value: unknown): Plain =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? value
    : null;

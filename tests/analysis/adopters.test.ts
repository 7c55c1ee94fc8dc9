import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildManifest } from "../../src/analysis/manifest/build-manifest.ts";
import type { Manifest } from "../../src/analysis/manifest/manifest.ts";
import { pyObject } from "../../src/analysis/python-json/value.ts";
import { writePythonJson } from "../../src/analysis/python-json/write.ts";
import { jsonReport } from "../../src/analysis/report/json-report.ts";
import { markdownReport } from "../../src/analysis/report/markdown-report.ts";
import { readScores } from "../../src/analysis/scores/read-scores.ts";
import { loadAdopter } from "../../src/host/adoption.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import type {
  AdopterModule,
  AdoptionFinding,
  AdoptionRefusal,
  FoundFile,
  WantedAction,
} from "../../src/model/adoption.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { only, valueOf } from "../engine/support/results.ts";
import { REPOSITORY } from "../rig/workspace.ts";
import { expectValue, scoresText, smallFigures } from "./figures.ts";

const compiled = fs.mkdtempSync(join(tmpdir(), "aqm-adopter-"));
let adopter: AdopterModule;

beforeAll(async () => {
  const layout = { ...layoutOf(REPOSITORY, REPOSITORY), compiled };
  adopter = valueOf(await loadAdopter(layout, "rules/adopters/published-analysis.ts"));
});
afterAll(() => fs.rmSync(compiled, { recursive: true }));

const MODEL = "models/some_vl_instruct/checkpoints/Some-VL";

/** As `sensitivity` declares a run of three layers, one of them vision, at each size. */
const declared = (...sizes: readonly string[]): readonly WantedAction[] =>
  sizes.flatMap((size) => {
    const folder = `models/some_vl_instruct/layer-analysis/weight-fp8-act-fp8/some_vl_instruct_autoquant_wfp8_afp8_lm_${size}`;
    const scores = `${folder}/sensitivity-scores.json`;
    const manifest = `${folder}/wfp8_afp8_autoquant_lm_quant_manifest.json`;
    const dataset = { name: "captions", size, root: "datasets/calib", vlm_calib_db: null };
    return [
      {
        target: scores,
        op: "sensitivity_scores",
        inputs: { checkpoint: { path: MODEL, producer: null, alias: "Some/Some-VL" } },
        outputs: { scores },
        params: {
          scope: "lm",
          method: "gradient",
          batch_size: 8,
          sequence_length: 512,
          format: { name: "FP8_DEFAULT_CFG", config: {} },
          dtype: "bfloat16",
        },
      },
      {
        target: manifest,
        op: "aqm/rules/ops/manifest.ts",
        outputs: { manifest },
        inputs: { scores: { path: scores, producer: scores } },
        params: {
          scheme: "wfp8_afp8_autoquant_lm",
          effective_bits: 8,
          score_size: 128,
          model_id: MODEL,
          dataset: {
            ...dataset,
            captions_path: "datasets/calib/captions.txt",
            max_calib_samples: 128,
          },
        },
      },
    ];
  });

/** As it was published: absolute paths, nothing of what aqm adds. */
function published(size: string | null = "medium", modelId = `/workspace/${MODEL}`): Manifest {
  const built = expectValue(
    buildManifest({
      scores: expectValue(readScores(scoresText(smallFigures))),
      scheme: { name: "wfp8_afp8_autoquant_lm", effectiveBits: 8, scoreSize: 128 },
      modelId,
      dataset: {
        name: "captions",
        size: size ?? "",
        root: "/workspace/datasets/calib",
        source: { kind: "captions", path: "/workspace/datasets/calib/captions.txt" },
        maxCalibSamples: 128,
      },
    }),
  );
  const left = [...built.json].filter(
    ([key]) => key !== "aqm" && (size !== null || key !== "dataset"),
  );
  return { ...built, json: pyObject(left), measured: undefined };
}

const textOf = (manifest: Manifest): string => writePythonJson(manifest.json);

const found = (path: string, text: string): FoundFile => ({
  path,
  text,
  digest: digestOfBytes(text),
});

const NAME = "wfp8_afp8_autoquant_lm_quant_manifest.json";

function adopt(
  manifest: string,
  { beside = {}, folder = "runs/wfp8_afp8", sizes = ["small", "medium"] } = {},
): AdoptionFinding {
  const reports = Object.entries<string>(beside).map(([name, text]) =>
    found(`${folder}/${name}`, text),
  );
  const files = [found(`${folder}/${NAME}`, manifest), ...reports];
  return only(adopter.adopt({ files, actions: declared(...sizes) }));
}

const refusal = (message: string) => ({
  kind: "refusal",
  message: expect.stringContaining(message) as unknown,
});

describe("published manifests", () => {
  it("stand for the declared run of their model, format, scope and size", () => {
    const manifest = published();
    const finding = adopt(textOf(manifest), {
      beside: {
        "per-layer-sensitivity.json": jsonReport(manifest),
        "per-layer-sensitivity.md": markdownReport(manifest).replace("## Search\n\n", ""),
      },
    });
    expect(finding).toMatchObject({
      kind: "candidate",
      grade: "consistent",
      contradictions: [],
      checks: [
        { says: "verified: the same bytes come out" },
        { says: "verified: the same header values and rows come out" },
      ],
    });
    if (finding.kind === "refusal") throw new Error(finding.message);
    const [scores, copied] = finding.results;
    expect(copied?.target).toContain("_lm_medium/");
    expect(copied?.outputs["manifest"]).toBe(textOf(manifest));
    const read = expectValue(readScores(scores?.outputs["scores"] ?? ""));
    expect(read.groups.map(({ score }) => score)).toEqual([0, 0.5, 0.25]);
    expect(read.takenOver?.digest).toBe(digestOfBytes(textOf(manifest)));
    expect(finding.unknown.join("; ")).toContain("weights");
  });

  it("name every field in which they are not what is declared", () => {
    const other = textOf(published()).replace('score_size": 128', 'score_size": 96');
    const { contradictions } = adopt(other, { folder: "runs/weight-int8-act-fp8/run" });
    expect(contradictions).toEqual([
      { field: "weights in the folder's name", declared: "fp8", found: "int8" },
      { field: "score_size", declared: 128, found: 96 },
    ]);
  });

  it("are refused when they are of another model, format or size", () => {
    const other = textOf(published("medium", "/workspace/models/other/checkpoints/Other"));
    expect(adopt(other)).toMatchObject({
      ...refusal("no declared run is of this model"),
      unmatched: true,
      contradictions: [
        {
          field: "model",
          declared: `${MODEL} or Some/Some-VL`,
          found: "/workspace/models/other/checkpoints/Other",
        },
      ],
    });
    const format = textOf(published()).replace('"FP8_DEFAULT_CFG"', '"INT8_DEFAULT_CFG"');
    expect(adopt(format).contradictions.map(({ field }) => field)).toEqual(["format"]);
    expect(adopt(textOf(published("large"))).contradictions.map(({ field }) => field)).toEqual([
      "size",
    ]);
  });

  it.each([
    "Some/Some-VL",
    "Some/Some-VL/",
    `/workspace/${MODEL}/`,
    "/data/Some/Some-VL",
    "/cache/hub/models--Some--Some-VL/snapshots/0123",
  ])("may name the model as the hub does, or with a slash at the end: %s", (name) => {
    const finding = adopt(textOf(published("medium", name)));
    expect(finding).toMatchObject({ kind: "candidate", contradictions: [] });
  });

  it("are told which names of models are looked for", () => {
    const { nextStep } = adopt(textOf(published("medium", "Some-VL"))) as AdoptionRefusal;
    expect(nextStep).toContain(`Models are known as ${MODEL}, Some/Some-VL.`);
  });

  it("need a size: from the folder's name, or in a person's words", () => {
    const old = textOf(published(null));
    expect(adopt(old)).toMatchObject(refusal("could be any of 2 declared runs"));
    const named = adopt(old, { folder: "runs/wfp8_afp8_small" });
    expect(named).toMatchObject({ kind: "candidate", contradictions: [] });
    const asked = adopt(old, { sizes: ["small"] });
    expect(asked.contradictions).toEqual([{ field: "size", declared: "small", found: null }]);
  });

  it("are refused when they are cut short, or their figures do not follow from each other", () => {
    const text = textOf(published());
    expect(adopt(text.slice(0, text.length / 2))).toMatchObject({ kind: "refusal" });
    for (const [from, to, where] of [
      ['"score": 0.75', '"score": 0.5', "autoquant_state.score"],
      ['"num_quantized_layers": 3', '"num_quantized_layers": 4', "num_quantized_layers"],
      ['"importance": 0.5', '"importance": 0.6', "sensitivity_ranking"],
      ['"effective_bits": 9.6', '"effective_bits": 9.5', "autoquant_state"],
    ] as const) {
      expect(text).toContain(from);
      expect(adopt(text.replaceAll(from, to))).toMatchObject(refusal(where));
    }
  });

  it("are refused with reports of another generation, or with other figures", () => {
    const manifest = published();
    const markdown = markdownReport(manifest).replace("## Search\n\n", "");
    const beside = (name: string, text: string) =>
      adopt(textOf(manifest), { beside: { [name]: text } });
    const older = markdown.replace("## Dataset", "");
    expect(beside("per-layer-sensitivity.md", older)).toMatchObject(refusal("they are mixed"));
    const edited = markdown.replace("|5.000e-01|", "|6.000e-01|");
    expect(beside("per-layer-sensitivity.md", edited)).toMatchObject(refusal("has other figures"));
    const json = jsonReport(manifest).replace('"sensitivity": 0.5', '"sensitivity": 0.6');
    expect(beside("per-layer-sensitivity.json", json)).toMatchObject(
      refusal("is not what comes out of the manifest"),
    );
  });
});

import { describe, expect, it } from "vitest";
import { readManifest } from "../../src/analysis/manifest/read-manifest.ts";
import type { Measurement } from "../../src/analysis/report/measurement.ts";
import { pairsTable, runsTable, type TableRun } from "../../src/analysis/report/runs-table.ts";
import { run as tableOp } from "../../rules/ops/runs-table.ts";
import { roleOf } from "../../rules/comparisons.ts";
import { run as comparisonOp } from "../../rules/ops/comparison-set.ts";
import { defined, valueOf } from "../engine/support/results.ts";
import { expectValue } from "./figures.ts";

const manifestText = (score: number, satisfied = true): string =>
  JSON.stringify({
    scheme: { name: "s", auto_quantize_bits: 12.25, auto_quantize_method: "gradient" },
    model: { id: "M" },
    autoquant_state: { constraints: { effective_bits: 12.5 }, score, is_satisfied: satisfied },
    layer_sensitivity: {
      "model.language_model.layers.0.a|b.quant_recipe": {
        formats: ["F8(effective-bits: 8.0)", "NONE(effective-bits: 16.0)"],
        scores: [score, 0.5],
        costs: [5e8, 1e9],
      },
      "model.visual.v.quant_recipe": {
        formats: ["F8(effective-bits: 8.0)", "NONE(effective-bits: 16.0)"],
        scores: [9.5, 0.5],
        costs: [5e8, 1e9],
      },
    },
    dataset: { name: "captions", size: "small", num_calib_samples: 16 },
  });

const entry = (
  pair: string,
  size: string,
  text: string | null,
  granularity = "default",
  measurement: Measurement | null = null,
): TableRun => ({
  pair,
  granularity,
  scope: "lm",
  size,
  link: `weight-${pair}/run_${size}/report.md`,
  manifest: text === null ? null : expectValue(readManifest(text)),
  measurement,
});

const measured = (seconds: number, gpuSeconds: number, day: string): Measurement => ({
  seconds,
  gpuSeconds,
  peakGpuMemoryBytes: null,
  together: 1,
  day,
  device: gpuSeconds > 0 ? "NVIDIA H200" : "cpu",
});

describe("a table of runs", () => {
  it("has a row a measured run: link, data, bits, size, score, layers", () => {
    const text = runsTable([
      entry("f8", "small", manifestText(1.5)),
      entry("f8", "large", null),
      entry("i8", "small", manifestText(20, false), "default", measured(40, 31, "2026-11-21")),
    ]);
    expect(text.split("\n")).toEqual([
      "| Run | Scope | Data | Bits | Size | Score | Most sensitive layers | Cost | Measured |",
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
      "| [f8 small](weight-f8/run_small/report.md) | lm | captions small, 16 samples | 12.50 of 12.25 | 3.12 GB | 1.500e+00 | `visual.v`, `layers.0.a\\|b` | not recorded | not recorded |",
      "| [i8 small](weight-i8/run_small/report.md) | lm | captions small, 16 samples | 12.50 of 12.25 (not met) | 3.12 GB | 2.000e+01 | `layers.0.a\\|b`, `visual.v` | 31 s GPU | 2026-11-21, NVIDIA H200 |",
    ]);
  });

  it("names the granularity where there are several, and nothing where nothing is measured", () => {
    expect(
      runsTable([entry("f8", "small", manifestText(1)), entry("f8", "small", null, "w_group64")]),
    ).toContain("| Run | Granularity | Scope |");
    expect(runsTable([entry("f8", "small", null)])).toBe("");
  });

  it("mixes no rows whose bits mean different things: each scope has a table of its own", () => {
    const whole = (pair: string): TableRun => ({
      ...entry(pair, "small", manifestText(3)),
      scope: "all_layers",
    });
    const runs = [
      entry("f8", "small", manifestText(1)),
      whole("f8"),
      entry("i8", "small", manifestText(2)),
    ];
    const kinds = (text: string): readonly string[] =>
      text.split("\n").filter((line) => !/^(\| ---|\| (Run|Pair) |$)/.test(line));
    const headings = [
      "**Language layers alone may be quantized.** Bits are per weight of all layer groups; those of the vision tower keep 16.",
      "**Vision and language layers may be quantized.** Bits are per weight of all layer groups.",
    ];
    expect(kinds(runsTable(runs))).toEqual([
      headings[0],
      expect.stringMatching(/f8 small.*\| lm \|/),
      expect.stringMatching(/i8 small.*\| lm \|/),
      headings[1],
      expect.stringMatching(/f8 small.*\| all_layers \|/),
    ]);
    expect(kinds(pairsTable(runs, (pair) => pair))).toEqual([
      headings[0],
      expect.stringContaining("| [f8](f8) | 1 of 1 | [lm small]"),
      expect.stringContaining("| [i8](i8) | 1 of 1 | [lm small]"),
      headings[1],
      expect.stringContaining("| [f8](f8) | 1 of 1 | [all_layers small]"),
    ]);
  });

  it("has a row a pair", () => {
    const text = pairsTable(
      [
        entry("f8", "small", manifestText(1.5), "default", measured(3, 0, "2026-11-19")),
        entry("f8", "medium", manifestText(1.5), "default", measured(150, 0, "2026-11-21")),
        entry("f8", "large", null),
        entry("i8", "small", null),
      ],
      (pair) => `weight-${pair}`,
    );
    expect(text.split("\n").slice(2)).toEqual([
      "| [f8](weight-f8) | 2 of 3 | [lm medium](weight-f8/run_medium/report.md) | 12.50 of 12.25 | 3.12 GB | `visual.v` | 2.5 min | 2026-11-19 to 2026-11-21, CPU |",
    ]);
  });
});

const present = (text: string) => ({
  path: "m.json",
  text: () => text,
  isThere: () => true,
  digest: () => "",
});
const missing = { path: "m.json", text: () => "", isThere: () => false, digest: () => "" };

describe("the op behind a README", () => {
  const params = {
    rows: "runs",
    folder: "models/m",
    commands: ["aqm build x"],
    sizes: [["small", 16]],
    runs: ["small", "large"].map((size) => ({
      role: size,
      folder: `models/m/w/run_${size}`,
      pair: "f8",
      granularity: "default",
      scope: "lm",
      size,
    })),
    pictures: [
      ["large", "small"].map((size) => ({
        role: `picture_${size}`,
        page: `models/m/w/lm-${size}`,
        title: `language layers, ${size}`,
      })),
    ],
  } as const;

  it("lists what is there, with links from the document, and says what is not", () => {
    const { table } = valueOf(
      tableOp({ params, inputs: { small: present(manifestText(1.5)), large: missing } }),
    );
    expect(table).toContain("1 of 2 declared runs are measured. Calibration samples: small 16.");
    expect(table).toContain("[f8 small](w/run_small/per-layer-sensitivity.md)");
    expect(table).toContain("```sh\naqm build x\n```");
  });

  it("says what scoring cost, when and on what, as the record of the scores has it", () => {
    const record = {
      target: "s",
      tools: {},
      facts: { device_kind: "NVIDIA H200" },
      adopted: false,
      cost: { seconds: 12, gpu_seconds: 7.2, scale: { together: 16, gpus: 1, input_bytes: 1 } },
      made_on: "2026-11-21",
    };
    const rows = (text: object): string =>
      String(
        valueOf(
          tableOp({
            params,
            inputs: {
              small: present(manifestText(1.5)),
              large: missing,
              small_record: present(JSON.stringify(text)),
            },
          }),
        ).table,
      );
    expect(rows(record)).toContain("| 7.2 s GPU | 2026-11-21, NVIDIA H200 |");
    expect(rows({ ...record, adopted: true })).toContain("| not recorded | not recorded |");
  });

  it("links a pair to the folder that all its granularities are in", () => {
    const [first] = params.runs;
    const runs = ["/a_group64", ""].map((level) => ({
      ...defined(first),
      role: `small${level}`,
      folder: `models/m/w${level}/run_small`,
    }));
    const inputs = Object.fromEntries(runs.map(({ role }) => [role, present(manifestText(1))]));
    const { table } = valueOf(tableOp({ params: { ...params, rows: "pairs", runs }, inputs }));
    expect(table).toContain("| [f8](w) | 2 of 2 |");
  });

  it("shows of each scope the picture with the most samples that is there", () => {
    const pictured = (there: Readonly<Record<string, typeof missing>>): string =>
      String(
        valueOf(tableOp({ params, inputs: { small: missing, large: missing, ...there } })).table,
      );
    const svg = present("<svg/>");
    expect(pictured({ picture_small: svg, picture_large: missing })).toContain(
      "](w/lm-small-heatmap.svg)](w/lm-small.html)",
    );
    expect(pictured({ picture_small: svg, picture_large: svg })).not.toContain("lm-small");
    // Scopes look alike: what a picture shows has to be seen, not only to be read out.
    expect(pictured({ picture_small: svg, picture_large: missing })).toMatch(
      /^Sensitivity of every layer to every pair, .+:$/m,
    );
    expect(pictured({ picture_small: missing, picture_large: missing })).not.toContain("svg");
  });

  it("refuses a manifest that is none, naming it", () => {
    expect(tableOp({ params, inputs: { small: present("{}"), large: missing } })).toMatchObject({
      ok: false,
      error: { reason: "bad_request", nextStep: expect.stringContaining("m.json") as string },
    });
  });

  it("keeps the order of what it compares, however many there are", () => {
    const roles = Array.from({ length: 120 }, (_, index) => roleOf(index));
    expect(roles.toSorted()).toEqual(roles); // params are sorted by name on their way to an op
  });

  it("compares what is there", () => {
    const call = { question: "Q", members: { m0: "a", m1: "b", m2: "c" }, budgets: [12], most: 2 };
    const inputs = { m0: present(manifestText(1.5)), m1: missing, m2: present(manifestText(20)) };
    const { report, data } = valueOf(comparisonOp({ params: call, inputs }));
    expect(report).toContain("| a   |        | -1.000 |");
    expect(JSON.parse(String(data))).toMatchObject({
      schema: 1,
      members: ["a", "c"],
      pairs: [{ a: "a", b: "c", layers: { both: 2 } }],
    });
  });
});

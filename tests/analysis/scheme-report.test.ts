import { describe, expect, it } from "vitest";
import { pictureFile } from "../../src/analysis/page/picture.ts";
import { schemesPicture } from "../../src/analysis/quality-page/schemes-picture.ts";
import { schemeReportJson } from "../../src/analysis/scheme-report/report-json.ts";
import { schemeReportMarkdown } from "../../src/analysis/scheme-report/report-markdown.ts";
import {
  notChecked,
  schemeReport,
  type ReportedExport,
  type ReportedScheme,
  type SchemeReport,
} from "../../src/analysis/scheme-report/scheme-report.ts";
import { expectFailure, expectValue } from "./figures.ts";
import {
  fp8Problem,
  madeCheck,
  madeScheme,
  madeStatus,
  qualityOf,
  type MadeScheme,
} from "./scheme-material.ts";

const TARGET = "models/m/quantized";

const exported = (
  { scheme }: MadeScheme,
  weightsOf?: readonly string[],
): readonly ReportedExport[] => [
  {
    format: "modelopt",
    target: `${TARGET}/${scheme.name}/modelopt`,
    check: madeCheck(scheme, "modelopt_export", weightsOf),
    serving: [
      { device: "cpu", answer: madeStatus() },
      notChecked("sm90", `models/serving/m/${scheme.name}/modelopt-sm90.json`, true),
    ],
  },
];

const reported = (made: MadeScheme, exports = exported(made)): ReportedScheme => ({
  scheme: made.scheme,
  quality: qualityOf(made),
  settings: { lm_head: true },
  exports,
});

const shares = ["top25", "top50", "full"].map((name, n) =>
  madeScheme(name, [3, 6, fp8Problem.groups.length][n] ?? 0),
);
const reportOf = (schemes: readonly ReportedScheme[]): SchemeReport => ({
  set: "fp8-autoquant",
  title: "FP8 by AutoQuantize",
  model: "qwen3_vl_trained",
  schemes,
  skipped: [{ name: "nvfp4_coco2017", because: "a CPU has no NVFP4" }],
});
const report = reportOf(shares.map((made) => reported(made)));
const markdown = (of: SchemeReport): string =>
  schemeReportMarkdown(expectValue(schemeReport(of)), "report-fp8-autoquant-schemes.svg");

describe("the gate on equal weights", () => {
  it("passes where every plan has weights of its own", () => {
    expect(expectValue(schemeReport(report))).toBe(report);
  });

  it("refuses ten checkpoints under ten names that hold one and the same weights", () => {
    // What once happened: every share was exported from the weights of the first.
    const tenths = Array.from({ length: 10 }, (_, n) => madeScheme(`top${10 * (n + 1)}`, n + 1));
    const bug = tenths.map((made) => reported(made, exported(made, ["the first one's"])));
    const { reason, message } = expectFailure(schemeReport(reportOf(bug)));
    expect(reason).toBe("same_weights");
    expect(message).toMatch(
      /^The exported weights \(modelopt of top10 and top20\) are the same, [0-9a-f]{12}, though the plans are not: \S+ is NONE in top10 and wfp8_afp8 in top20\. .* Export both again\.$/,
    );
    expect(expectValue(schemeReport(reportOf(tenths.map((made) => reported(made)))))).toBeDefined();
  });

  it("refuses one plan with two sets of weights, unless its ranges are those of other data", () => {
    const [full] = shares.slice(-1);
    if (full === undefined) throw new Error("it is made");
    const twin: MadeScheme = { ...full, scheme: { ...full.scheme, name: "fp8_everywhere" } };
    const other = reported(twin, exported(twin, ["other weights"]));
    const failure = expectFailure(schemeReport(reportOf([reported(full), other])));
    expect(failure.message).toMatch(
      /^The exported weights \(modelopt of full and fp8_everywhere\) differ, .* though the plan and its calibration are the same/,
    );
    const small = { ...other, scheme: { ...twin.scheme, size: "small" } };
    expectValue(schemeReport(reportOf([reported(full), small])));
    expectValue(schemeReport(reportOf([reported(full), reported(twin)])));
  });

  it("does not ask whether a plan and a recipe have the same weights", () => {
    const [full] = shares.slice(-1);
    if (full === undefined) throw new Error("it is made");
    const recipe: MadeScheme = {
      ...full,
      scheme: {
        ...full.scheme,
        name: "recipe",
        choice: { recipe: "FP8_DEFAULT_CFG" },
        layers: full.scheme.layers.map((layer) => ({ ...layer, format: "FP8_DEFAULT_CFG" })),
      },
    };
    const same = exported(
      recipe,
      full.scheme.layers.map(({ format }) => format),
    );
    expectValue(schemeReport(reportOf([reported(full), reported(recipe, same)])));
  });
});

describe("the report in Markdown", () => {
  const text = markdown(report);
  const rows = (of: string, scheme: string): readonly string[] =>
    of.split("\n").filter((line) => line.startsWith(`| \`${scheme}\` |`));

  it("says in words what was found, before every table", () => {
    const [words = "", tables = ""] = text.split("## Schemes\n");
    expect(words).toContain("## 2 of 3 schemes proven, vLLM takes 3 of 3 checked exports\n");
    expect(words).toMatch(/- \*\*Proven\*\*: KL of random plans .* top25 [\d.]+ \(.*top50 /);
    expect(words).toContain("**Not separable from controls of the same size**: ");
    expect(words).toContain(
      "- **Loaded strictly, not run as modelopt on cpu**: top25, top50 and full.",
    );
    expect(words).toContain("3 exported checkpoints, 3 sets of weights**: no two are the same.");
    expect(words).toContain("**nvfp4_coco2017 is left out**: a CPU has no NVFP4");
    expect(words).not.toContain("| Scheme |");
    expect(tables).toContain("| Scheme | Word | Settings |");
  });

  it("has the word in every table that names the scheme", () => {
    for (const [scheme, word] of [
      ["top25", "proven"],
      ["full", "not separable"],
    ] as const) {
      expect(rows(text, scheme)).toHaveLength(1 + 2 + 1);
      for (const row of rows(text, scheme)) expect(row.split(" | ")[1]).toBe(word);
      expect(text).toContain(`| modelopt | \`${scheme}\` (${word}) |`);
    }
  });

  it("says why a status is not there, and what to build for one", () => {
    expect(text).toContain(
      "not checked: vLLM was not asked yet; aqm build models/serving/m/top25/modelopt-sm90.json",
    );
    const [one] = shares;
    if (one === undefined) throw new Error("it is made");
    const nothing = reported(one, [
      {
        format: "modelopt",
        target: `${TARGET}/top25/modelopt`,
        check: null,
        serving: [
          notChecked("cpu", "models/serving/m/top25/modelopt-cpu.json", false),
          notChecked("cuda", null, false),
        ],
      },
    ]);
    const bare = markdown(reportOf([nothing]));
    expect(bare).toContain("vLLM was not asked about any");
    expect(bare).toContain("not checked: it is not exported yet; aqm build models/serving/m/");
    expect(bare).toContain("not checked: no check is declared for this device and model |");
    expect(bare).toContain("not exported: aqm build models/m/quantized/top25/modelopt");
  });

  it("names rejections with level and reason, and layers that vLLM would run unquantized", () => {
    const [one] = shares;
    if (one === undefined) throw new Error("it is made");
    const status = {
      word: "rejected",
      level: 2,
      reason: "Unsupported quantization: INT8 | see log",
      byDefault: "rejected: same",
      unquantized: ["model.visual.merger.linear_fc1"],
    } as const;
    const [first] = exported(one);
    if (first === undefined) throw new Error("it is made");
    const answers = [{ device: "cpu", answer: madeStatus(status) }];
    const said = markdown(reportOf([reported(one, [{ ...first, serving: answers }])]));
    expect(said).toContain("vLLM takes 0 of 1 checked export");
    expect(said).toContain(
      "**Rejected as modelopt on cpu**: top25, at level 2: Unsupported quantization: INT8 | see log.",
    );
    expect(said).toContain("1 layer of modelopt on cpu: model.visual.merger.linear_fc1.");
    expect(said).toContain("| rejected: level 2, Unsupported quantization: INT8 \\| see log |");
  });

  it("proves nothing on random weights, and says so first", () => {
    const random = markdown(
      reportOf(
        shares.map(({ scheme }, n) =>
          reported(madeScheme(scheme.name, [3, 6, 10][n] ?? 0, "random")),
        ),
      ),
    );
    expect(random.split("\n\n")[1]).toMatch(/^> \*\*Random weights\.\*\*/);
    expect(random).toContain("## 0 of 3 schemes proven (on random weights nothing is), ");
    expect(random).toContain("**Unproven, because of random weights**: ");
    for (const row of rows(random, "top50"))
      expect(row.split(" | ")[1]).toBe("unproven (random weights)");
  });

  it("says which schemes lose to controls of their size, the mean of random plans first", () => {
    const [first, ...others] = report.schemes;
    const verdict = first?.quality.verdict;
    if (first === undefined || verdict === null || verdict === undefined)
      throw new Error("it is judged");
    const worse = { value: 0.74, low: 0.69, high: 0.81 };
    const lost = { ...verdict, word: "unproven" as const, factor: worse };
    const said = markdown(
      reportOf([{ ...first, quality: { ...first.quality, verdict: lost } }, ...others]),
    );
    expect(said).toContain(
      "**A control of the same size is better**: top25 by the mean of random plans (0.74 times its KL).",
    );
    expect(text).not.toContain("is better**");
  });

  it("says in the factor's cell where random plans are smaller than the scheme", () => {
    const cells = rows(text, "top25")[0]?.split(" | ") ?? [];
    const verdict = report.schemes[0]?.quality.verdict;
    const smaller =
      (report.schemes[0]?.quality.bits ?? 0) - (verdict?.random_bits.lowest ?? 0) > 0.1;
    expect(cells.at(-1)?.includes("random plans have")).toBe(smaller);
  });
});

it("the report in JSON has words, figures, files and answers of each scheme", () => {
  const json = JSON.parse(schemeReportJson(report)) as {
    readonly schemes: readonly Record<string, unknown>[];
    readonly weights: readonly object[];
  };
  const [first] = json.schemes;
  expect(first).toMatchObject({
    name: "top25",
    word: "proven",
    because: null,
    quantized_layers: report.schemes[0]?.exports[0]?.check?.quantizedLayers,
    exports: [
      {
        format: "modelopt",
        files: { weights: report.schemes[0]?.exports[0]?.check?.weights },
        serving: [
          { device: "cpu", status: "loads strictly (not run)" },
          { device: "sm90", status: "not checked", because: "vLLM was not asked yet" },
        ],
      },
    ],
  });
  expect(json.weights).toHaveLength(3);
});

it("the picture has a mark for every scheme and control, each with what it is", () => {
  const svg = pictureFile(schemesPicture(report.schemes));
  const marks = svg.match(/<title>[^<]+/g) ?? [];
  expect(marks).toHaveLength(3 * (1 + 8 + 1 + 1));
  expect(svg).toMatch(/<title>top25: [\d.]+ kB, 12.76 bits, KL .*, proven/);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
});

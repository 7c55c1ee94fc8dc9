import { defined } from "../engine/support/results.ts";
import { describe, expect, it } from "vitest";
import { goalStateOf } from "../../src/analysis/schemes-overview/goal-state.ts";
import { layerMatrix, shortFormat } from "../../src/analysis/schemes-overview/layer-matrix.ts";
import { allLayerBits, layerWeights } from "../../src/analysis/schemes-overview/layer-weights.ts";
import { schemesOverviewJson } from "../../src/analysis/schemes-overview/overview-json.ts";
import { schemesOverviewMarkdown } from "../../src/analysis/schemes-overview/overview-markdown.ts";
import {
  basesOf,
  isMeasured,
  stateOf,
  type MeasuredScheme,
  type SchemesOverview,
} from "../../src/analysis/schemes-overview/overview.ts";
import { overviewHeadline, overviewPoints } from "../../src/analysis/schemes-overview/points.ts";
import { schemesReadme } from "../../src/analysis/schemes-overview/readme-table.ts";
import { tableRows } from "../../src/analysis/schemes-overview/table-rows.ts";
import { FP8, fp8Problem, madeCheck, madeScheme } from "./scheme-material.ts";
import {
  evaluated,
  goalMet,
  goalUnmet,
  madeOverview,
  madeTensors,
  shares,
  shownOf,
  unbuilt,
} from "./schemes-overview-material.ts";

const files = { page: "schemes.html", picture: "schemes.svg" };
const markdown = schemesOverviewMarkdown(madeOverview, files);
const measured = madeOverview.schemes.filter(isMeasured);
const firstOf = (overview: SchemesOverview): MeasuredScheme => {
  const [first] = overview.schemes.filter(isMeasured);
  if (first === undefined) throw new Error("one is measured");
  return first;
};

describe("what is known of a scheme", () => {
  it("is how far it has come, figures of an earlier plan included", () => {
    expect(madeOverview.schemes.map(stateOf)).toEqual([
      "measured",
      "measured",
      "measured",
      "chosen, not measured",
      "not built",
      "not on this model",
    ]);
    const first = firstOf(madeOverview);
    const changed = { ...first, scheme: madeScheme("top25", 4).scheme };
    expect(stateOf(changed)).toBe("measured before its plan changed");
    const points = overviewPoints({ ...madeOverview, schemes: [changed] });
    expect(points[0]).toEqual({
      lead: "Figures of an earlier plan",
      text: "top25 (aqm build models/m/quantized/top25).",
    });
  });

  it("is held apart by the data that it was measured on", () => {
    expect(basesOf(madeOverview)).toHaveLength(1);
    const first = firstOf(madeOverview);
    const held_out = { ...first.quality.held_out, samples: 7 };
    const other = { ...first, name: "other", quality: { ...first.quality, held_out } };
    const overview = { ...madeOverview, schemes: [...madeOverview.schemes, other] };
    expect(basesOf(overview).map(({ schemes }) => schemes.map(({ name }) => name))).toEqual([
      ["top25", "top50", "full"],
      ["other"],
    ]);
    const names = tableRows(overview).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith("not quantized, captions"))).toHaveLength(2);
  });
});

describe("the table of schemes", () => {
  const rows = tableRows(madeOverview);

  it("has the unquantized model first, every declared scheme, and each uniform plan once", () => {
    expect(rows.map(({ kind, name }) => [kind, name])).toEqual([
      ["unquantized", "not quantized"],
      ...madeOverview.schemes.map(({ name }) => ["scheme", name]),
      ["uniform", `uniform-${FP8}`],
    ]);
  });

  it("has figures with intervals, and none where none were measured", () => {
    const [unquantized, top25] = rows;
    expect(unquantized?.cells.kl).toEqual({ text: "0", value: 0, below: "by definition" });
    expect(unquantized?.cells.found.value).toBe(madeTensors.bytes);
    const quality = measured[0]?.quality;
    expect(top25?.cells.kl.value).toBe(quality?.figures.kl.value);
    expect(top25?.cells.random.value).toBe(quality?.verdict?.factor.value);
    expect(top25?.cells.ratio.value).toBe(
      (quality?.figures.perplexity.value ?? 0) / (quality?.reference.perplexity.value ?? 0),
    );
    for (const row of rows.filter(({ name }) => ["top75", "later"].includes(name)))
      expect(row.cells.kl).toEqual({ text: "–", value: null, below: null });
  });

  it("tells found sizes from predicted ones", () => {
    const [made] = shares;
    if (made === undefined) throw new Error("it is made");
    const exact = {
      ...madeCheck(made.scheme, "modelopt_export"),
      weightBytes: made.scheme.exports[0]?.bytes ?? 0,
    };
    const shown = shownOf(made, [{ format: "modelopt", target: "t", check: exact, serving: [] }]);
    const cellOf = (of: typeof shown) =>
      tableRows({ ...madeOverview, schemes: [of] }).find(({ kind }) => kind === "scheme")?.cells
        .found;
    expect(cellOf(shown)?.text).toBe("as predicted");
    // 96 bytes more than predicted: rounded, the two would look alike.
    expect(cellOf(shownOf(made))?.text).toMatch(/^modelopt [\d.]+ kB$/);
    expect(cellOf(shownOf(made, []))).toEqual({ text: "not exported", value: null, below: null });
  });
});

describe("the matrix of layers", () => {
  const matrix = layerMatrix(madeOverview);

  it("has a column for every chosen scheme, and a row for every group", () => {
    expect(matrix.schemes).toEqual(["top25", "top50", "full", "top75"]);
    expect(matrix.rows).toHaveLength(fp8Problem.groups.length);
    expect(matrix.formats).toEqual([FP8]);
    for (const [n, { group }] of (measured[0]?.scheme.layers ?? []).entries()) {
      const row = matrix.rows[n];
      expect(row?.layer).toBe(group);
      expect(row?.formats).toEqual(
        madeOverview.schemes.flatMap(({ scheme }) => scheme?.layers[n]?.format ?? []),
      );
    }
    expect(matrix.rows.some(({ differs }) => differs)).toBe(true);
  });

  it("follows modules where another scheme groups them otherwise", () => {
    const first = firstOf(madeOverview);
    const layersOf = (layers: typeof first.scheme.layers) => ({
      ...first,
      scheme: { ...first.scheme, layers },
    });
    const fused = layersOf([{ group: "q", modules: ["q", "k"], format: FP8 }]);
    const split = layersOf([
      { group: "q", modules: ["q"], format: FP8 },
      { group: "k", modules: ["k"], format: "NONE" },
      { group: "o", modules: ["o"], format: "NONE" },
    ]);
    const { rows } = layerMatrix({ schemes: [fused, split] });
    expect(rows.map(({ layer, formats }) => [layer, ...formats])).toEqual([
      ["q", FP8, "mixed"],
      ["o", null, "NONE"],
    ]);
  });

  it("has short words for formats", () => {
    expect(["NONE", "wint8_aint8", "wint4_afp16", "INT4_AWQ_CFG", "odd"].map(shortFormat)).toEqual([
      "16",
      "int8/int8",
      "int4",
      "INT4_AWQ",
      "odd",
    ]);
  });
});

describe("bits over all layers", () => {
  it("count what may not be quantized at 16, and are not known without shapes", () => {
    const first = firstOf(madeOverview);
    const shown = { ...first, scheme: { ...first.scheme, scope: "all_layers" } } as const;
    const all = fp8Problem.groups.reduce((sum, group) => sum + group.weights, 0);
    expect(layerWeights(shown, madeTensors)).toEqual({ all, open: all });
    expect(layerWeights(shown, null)).toBeNull();
    expect(layerWeights(shown, { ...madeTensors, tensors: new Map() })).toBeNull();
    // The document counts other groups than these settings allow, so the weights that it means are not known.
    expect(layerWeights(first, madeTensors)).toBeNull();
    const language = fp8Problem.groups.filter(({ name }) => !name.includes("visual"));
    const achieved = { ...first.scheme.achieved, groups: language.length };
    expect(layerWeights({ ...first, scheme: { ...first.scheme, achieved } }, madeTensors)).toEqual({
      all,
      open: language.reduce((sum, group) => sum + group.weights, 0),
    });
    expect(allLayerBits({ all: 4, open: 3 }, 8)).toBe(10);
  });
});

describe("goals and searches", () => {
  const met = goalMet();
  const overview = { ...madeOverview, schemes: [met, goalUnmet(), ...madeOverview.schemes] };
  const text = schemesOverviewMarkdown(overview, files);

  it("are in the table with what was judged, whether the goal is met or not", () => {
    const rows = tableRows(overview).filter(({ name }) => name.startsWith("for_"));
    expect(rows.map(({ word, cells }) => [word, cells.goal])).toEqual([
      [
        "proven",
        {
          text: "KL ≤ 0.01 (95 %)",
          value: 1,
          below: "met: 8.50e-3 (7.65e-3 to 9.35e-3) on confirm",
        },
      ],
      [
        "goal not met",
        {
          text: "KL ≤ 1e-9 (95 %)",
          value: 0,
          below: "not met: 8.50e-3 (7.65e-3 to 9.35e-3) on confirm",
        },
      ],
    ]);
    expect(rows[0]?.cells.starts.text).toBe("start_scores 1.25 (1.13 to 1.50)");
  });

  it("are told before the tables: what cannot be met, and what measuring was worth", () => {
    const [words = "", tables = ""] = text.split("## Schemes\n");
    expect(words).toContain(
      "- **Goal not met: for_kl_1em9, KL ≤ 1e-9 (95 %)**: the best measured plan has 8.50e-3",
    );
    expect(words).toContain("**Goal met on confirm: for_kl_1em2, KL ≤ 0.01 (95 %)**");
    expect(words).toContain("**Measured search against exact solvers: for_kl_1em2**");
    expect(tables).toContain("## Searched by measurement");
    expect(tables).toMatch(
      /\| `for_kl_1em2` \| KL ≤ 0.01 \(95 %\): met \|.*\| 280 of 300 \| 6 \/ 120 \|/,
    );
    expect(markdown).not.toContain("Goal");
    const readme = schemesReadme(overview, { ...files, document: "schemes.md" }, []);
    expect(readme).toContain("| Word | Goal |");
    expect(readme).toContain("KL ≤ 0.01 (95 %) (met: 8.50e-3");
  });

  it("of another bound say nothing of this one", () => {
    const asked = { ...met.asked, choice: { goal: { kl: 0.001 } } };
    const { scheme, search } = met;
    expect(goalStateOf({ asked, scheme, search })).toMatchObject({ met: null, judged: null });
    expect(goalStateOf({ ...met, search: null })).toMatchObject({ met: true });
    expect(stateOf({ ...met, asked })).toBe("measured");
    const failed = { ...goalUnmet(), scheme: met.scheme, quality: met.quality };
    expect(stateOf(failed)).toBe("goal not met");
    const rows = tableRows({ ...overview, schemes: [failed] });
    expect(rows.find(({ kind }) => kind === "scheme")?.word).toBe(
      "goal not met (figures of an earlier plan)",
    );
  });

  it.each([
    ["from other candidates", { candidates: [FP8, "wint4_afp16"] }],
    ["in another scope", { scope: "all_layers" as const }],
  ])("%s say nothing of this one", (_, change) => {
    const asked = { ...met.asked, ...change };
    expect(goalStateOf({ ...met, asked })).toMatchObject({ met: null, judged: null });
    const failed = { ...goalUnmet(), asked: { ...goalUnmet().asked, ...change } };
    expect(goalStateOf(failed)?.met).toBeNull();
    expect(stateOf(failed)).toBe("not built");
    const leads = overviewPoints({ ...madeOverview, schemes: [failed] }).map(({ lead }) => lead);
    expect(leads.join(" ")).not.toContain("Goal not met");
  });
});

describe("evaluations", () => {
  const overview = { ...madeOverview, schemes: [evaluated(), unbuilt("later")] };

  it("have leaked figures under that name alone, and no times but a server's", () => {
    const text = schemesOverviewMarkdown(overview, files);
    expect(text).toContain("## Evaluated beside the unquantized model");
    expect(text).toContain("| KL on the original’s set, leaked |");
    expect(text).toMatch(
      /\| `top50` \| proven \| 1 of 2 \|.*\| not measured: nobody \\\| asked \|/,
    );
    expect(markdown).not.toContain("leaked");
    const json = JSON.parse(schemesOverviewJson(overview)) as {
      schemes: {
        evaluation: { answers: object; figures: { leaked: boolean; note: string }[] } | null;
      }[];
    };
    expect(json.schemes[1]?.evaluation).toBeNull();
    expect(json.schemes[0]?.evaluation?.answers).toEqual({ same: 1, of: 2 });
    expect(json.schemes[0]?.evaluation?.figures.map(({ leaked }) => leaked)).toEqual([false, true]);
    expect(json.schemes[0]?.evaluation?.figures[1]?.note).toContain("judge on the held-out set");
  });
});

describe("the documents", () => {
  it("say first what was found, then show every scheme with its word", () => {
    const [words = "", tables = ""] = markdown.split("## Schemes\n");
    expect(overviewHeadline(madeOverview)).toBe("3 of 6 schemes measured, 2 proven");
    expect(words).toContain("## 3 of 6 schemes measured, 2 proven\n");
    expect(words).toContain("- **Not built**: later (aqm build models/m/quantized/later).");
    expect(words).toContain("**nvfp4_coco2017 is left out**: a CPU has no NVFP4");
    expect(words).not.toContain("| Scheme |");
    for (const { name } of measured)
      expect(tables).toMatch(new RegExp(`^\\| \`${name}\` \\| `, "m"));
    expect(tables).toContain("| `later` | at most 6 bits a weight in wfp8_afp8 | not built |");
    expect(tables).toContain("`aqm build models/m/quantized/later/quality.json`");
  });

  it("say that files contradict plans where one checkpoint lies under two names", () => {
    const [a, b] = shares;
    if (a === undefined || b === undefined) throw new Error("they are made");
    const same = madeCheck(
      b.scheme,
      "modelopt_export",
      a.scheme.layers.map(({ format }) => format),
    );
    const wrong = shownOf(b, [{ format: "modelopt", target: "t", check: same, serving: [] }]);
    const [first] = overviewPoints({ ...madeOverview, schemes: [shownOf(a), wrong] });
    expect(first?.lead).toBe("Files contradict plans");
    expect(first?.text).toContain("top25 and top50");
  });

  it("are whole where nothing is measured", () => {
    const nothing = { ...madeOverview, tensors: null, schemes: [unbuilt("later")] };
    const text = schemesOverviewMarkdown(nothing, files);
    expect(text).toContain("## 0 of 1 scheme measured, 0 proven");
    expect(text).toContain("`aqm build models/m/quantized/later/quality.json`");
    expect(text).not.toMatch(/NaN|undefined|Infinity|null/);
    expect(schemesReadme(nothing, { ...files, document: "schemes.md" }, [])).toContain(
      "0 of 1 declared schemes are measured.",
    );
  });

  it("have the same bytes for the same data, and figures for programs", () => {
    const text = schemesOverviewJson(madeOverview);
    expect(schemesOverviewJson(madeOverview)).toBe(text);
    const json = JSON.parse(text) as {
      schemes: { name: string; state: string; measured: { kl: object } | null }[];
      baselines: { kind: string }[];
      layers: { layer: string; formats: (string | null)[] }[];
    };
    expect(json.schemes.map(({ state }) => state)).toEqual(madeOverview.schemes.map(stateOf));
    expect(json.schemes[0]?.measured?.kl).toEqual(measured[0]?.quality.figures.kl);
    expect(json.baselines.map(({ kind }) => kind)).toEqual(["unquantized", "uniform"]);
    expect(json.layers).toHaveLength(fp8Problem.groups.length);
  });

  it("show odd names as such", () => {
    const odd = "a|b`<img src=x>";
    const first = firstOf(madeOverview);
    const text = schemesOverviewMarkdown(
      { ...madeOverview, model: odd, schemes: [{ ...first, name: odd }] },
      files,
    );
    expect(text).not.toContain("<img");
    expect(text).toContain("a\\|b\\`&lt;img src=x>");
  });

  it("have a short table for a README: what is measured, and where the rest is", () => {
    const text = schemesReadme(madeOverview, { ...files, document: "schemes.md" }, [
      "npx aqm build x",
    ]);
    expect(text).toContain("3 of 6 declared schemes are measured.");
    expect(text.match(/^\| `top\w+` \|/gm)).toHaveLength(2);
    expect(text).toContain("| `full` |");
    expect(text).not.toContain("uniform-");
    expect(text).toContain("```sh\nnpx aqm build x\n```");
  });

  it("have in that README a table for each scope: bits are averages over its layers", () => {
    const [one, ...others] = madeOverview.schemes;
    const first = defined(one);
    const whole = { ...first, asked: { ...first.asked, scope: "all_layers" } } as const;
    const text = schemesReadme(
      { ...madeOverview, schemes: [whole, ...others] },
      { ...files, document: "schemes.md" },
      [],
    );
    const parts = text.split(/\*\*(.*)\*\* Bits are per weight of .*; sizes are of the whole/);
    expect([parts[1], parts[3]]).toEqual([
      "Language layers alone may be quantized.",
      "Vision and language layers may be quantized.",
    ]);
    expect(parts[4]?.match(/^\| `/gm)).toHaveLength(1);
    expect(parts[4]).toContain(`| \`${whole.name}\` |`);
  });

  it("call nothing proven on random weights, and say so before everything else", () => {
    const random = shownOf(madeScheme("top25", 3, "random"));
    const text = schemesOverviewMarkdown({ ...madeOverview, schemes: [random] }, files);
    expect(text.indexOf("**Random weights.**")).toBeLessThan(text.indexOf("## "));
    expect(text).toContain("## 1 of 1 scheme measured, 0 proven (on random weights nothing is)");
    expect(text).not.toMatch(/\| proven \|/);
  });
});

import { describe, expect, it } from "vitest";
import { analysisPage } from "../../src/analysis/page/analysis-page.ts";
import { budgetCurves, budgetData } from "../../src/analysis/page/budget-curve.ts";
import { placeOf } from "../../src/analysis/groups/layer-place.ts";
import { logScale } from "../../src/analysis/page/log-scale.ts";
import { packSteps, unpackSteps } from "../../src/analysis/page/shared/page-data.ts";
import type { PageSubject } from "../../src/analysis/page/page-sections.ts";
import { pageModel, type PageAnalysis } from "../../src/analysis/page/page-model.ts";
import { readManifest } from "../../src/analysis/manifest/read-manifest.ts";
import { problemFromManifest } from "../../src/analysis/manifest/problem-from-manifest.ts";
import { measurementFacts } from "../../src/analysis/page/provenance.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import {
  haveReferenceData,
  referenceDataTitle,
  referenceRuns,
} from "../analysis/reference-data.ts";
import { WIDE } from "../rig/wide.ts";
import { manyPairs } from "./many-pairs.ts";

const subject: PageSubject = {
  title: "made up",
  subtitle: "for tests",
  sources: [{ what: "manifest", path: "models/made_up.json", digest: `sha256:${"0".repeat(64)}` }],
  links: [],
};

const valueOf = <T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

const few = manyPairs({ pairs: ["wfp8_afp8", "wint4_afp16"] });
const alone: readonly [PageAnalysis] = [few[0]];
/** Few enough layers for the whole frontier of both pairs together. */
const smaller = manyPairs({
  pairs: ["wfp8_afp8", "wint4_afp16"],
  keep: (h) => !/layers\.1?\d\./.test(h),
});
type Analyses = readonly [PageAnalysis, ...PageAnalysis[]];
const dataOf = (analyses: Analyses) => budgetData(analyses, valueOf(pageModel(analyses)));
const curvesOf = (analyses: Analyses) => valueOf(budgetCurves(dataOf(analyses)));
const curves = curvesOf(smaller);

describe("a page", () => {
  it.runIf(WIDE)("is below 1 MB for 276 layers and 16 pairs, and so are its pictures", () => {
    const all = manyPairs();
    const made = valueOf(analysisPage(subject, all));
    expect(all).toHaveLength(16);
    expect(all[0].manifest.layers).toHaveLength(276);
    expect(Buffer.byteLength(made.page)).toBeLessThan(1_000_000);
    for (const picture of [made.heatmap, made.depth, made.frontier]) {
      expect(Buffer.byteLength(picture)).toBeLessThan(150_000);
    }
  });

  it("has the same bytes for the same data, and nothing of this machine, this time or a network", () => {
    const made = valueOf(analysisPage(subject, alone));
    expect(valueOf(analysisPage(subject, alone))).toEqual(made);
    for (const text of [made.page, made.heatmap, made.depth, made.frontier]) {
      expect(text).not.toContain(process.cwd());
      expect(text).not.toContain(String(new Date().getFullYear()) + "-");
      const addresses = text.match(/https?:[^"' ]+/g) ?? [];
      expect(addresses.filter((address) => address !== "http://www.w3.org/2000/svg")).toEqual([]);
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it("claims no server for a model of a kind that no server was tried with", () => {
    const e4m3 = { num_bits: [4, 3], axis: null } as const;
    const analysis = { ...few[0], quantizers: { weight: e4m3, input: e4m3 } };
    const serversOf = (of: PageAnalysis) => {
      const { page } = valueOf(analysisPage(subject, [of]));
      const plan = /<dd id=plan-serving>([^<]*)/.exec(page)?.[1];
      return { plan, hasServer: /<strong>vLLM|“vLLM” means/.test(page) };
    };
    const tried = serversOf(analysis);
    expect(tried.plan).toMatch(/^vLLM, compute capability/);
    expect(tried.hasServer).toBe(true);
    expect(serversOf({ ...analysis, served: false })).toEqual({
      plan: "not known, for wfp8_afp8",
      hasServer: false,
    });
  });

  it("shows names as they are, whatever is in them", () => {
    const name = `<b>"a"&'b'</script>\u2028`;
    const made = valueOf(
      analysisPage({ ...subject, title: name, links: [{ text: name, href: `x"y` }] }, [
        { ...few[0], name },
      ]),
    );
    expect(made.page).not.toContain("<b>");
    expect(made.page).toContain("&lt;b&gt;&quot;a&quot;&amp;'b'&lt;/script&gt;");
    expect(made.page.match(/<\/script/g)).toHaveLength(2);
    expect(made.page).not.toContain(`x"y`);
  });

  it("tells layers that were kept from layers that were measured at zero", () => {
    const kept = manyPairs({ pairs: ["wfp8_afp8"], keep: (name) => name.includes("visual") });
    const made = valueOf(analysisPage(subject, kept));
    expect(made.page.match(/>kept<\/abbr>/g)).toHaveLength(131);
    expect(made.heatmap).toContain("url(#heatmap-hatch)");
    expect(made.page).toContain("145 measured, 131 kept");
  });

  it("refuses analyses of different layers", () => {
    const shorter = {
      ...few[1],
      manifest: { ...few[0].manifest, layers: few[0].manifest.layers.slice(1) },
    };
    const made = analysisPage(subject, [few[0], shorter as PageAnalysis]);
    expect(made).toMatchObject({ ok: false, error: { reason: "groups_differ" } });
  });

  it("does not add up scores that are sums over different samples", () => {
    const [first, second] = few;
    const other = {
      ...second,
      manifest: { ...second?.manifest, measured: { samples: 16, batches: 2, tokens: 99 } },
    };
    const analyses = [first, other as PageAnalysis] as const;
    expect(dataOf(analyses).mixed).toBe(false);
    // The curve in front, then that of each pair.
    const [front, ...apart] = curvesOf(analyses);
    expect(front.name).toBe("wfp8_afp8");
    expect(apart.map(({ name }) => name)).toEqual(["wfp8_afp8", "wint4_afp16"]);
    expect(valueOf(analysisPage(subject, analyses)).page).toContain(
      "compare the order of layers, not magnitudes",
    );
  });
});

describe("what a page says of its measurements", () => {
  const measurement = {
    seconds: 20,
    gpuSeconds: 6.1,
    peakGpuMemoryBytes: 14.5e9,
    together: 16,
    device: "NVIDIA H200",
    day: "2026-11-21",
  };
  const factsOf = (...analyses: readonly PageAnalysis[]): Readonly<Record<string, string>> =>
    Object.fromEntries(measurementFacts(analyses).map(({ name, value }) => [name, value]));

  it("is what they took, when and on what, and what of that is not recorded", () => {
    expect(factsOf({ ...few[0], measurement })).toMatchObject({
      "cost of scoring": "6.1 s GPU, its share of 16 analyses scored together",
      "GPU memory at most": "14.5 GB",
      measured: "2026-11-21, NVIDIA H200",
    });
    const both = [
      { ...few[0], measurement },
      { ...few[0], measurement },
    ];
    expect(factsOf(...both, few[0])).toMatchObject({
      "cost of scoring": "12 s GPU, up to 16 analyses scored together; of 1 not recorded",
    });
    expect(factsOf(few[0])).toMatchObject({ "cost of scoring": "not recorded" });
    expect(valueOf(analysisPage(subject, [{ ...few[0], measurement }])).page).toContain(
      "<th scope=row>cost of scoring<td>6.1 s GPU",
    );
  });
});

describe("budget curves", () => {
  it("have the solver's plan at every step", () => {
    const [curve] = curvesOf(alone);
    const problem = problemFromManifest(few[0].manifest);
    expect(curve.exact).toBe(true);
    for (const { budget, bits, score, choices } of curve.steps.filter(
      (_, step) => step % 10 === 0,
    )) {
      const plan = valueOf(solveBitPlan(problem, budget));
      expect([bits, score]).toEqual([plan.bits.achieved, plan.score]);
      expect(choices.map((option) => curve.options[option]?.bits)).toEqual(
        plan.choices.map(({ candidate }) => candidate.bits),
      );
    }
  });

  it("begin with all pairs together, never worse than any of them alone", () => {
    const [mixed, ...others] = curves;
    expect(mixed).toMatchObject({ name: "all pairs", exact: true });
    for (const other of others) {
      for (const { budget, score } of other.steps) {
        const best = mixed.steps.findLast((step) => step.budget <= budget);
        expect(best?.score).toBeLessThanOrEqual(score * (1 + 1e-9));
      }
    }
  });

  it("whose frontier is too long are the best for the bits that they use, near to each budget", () => {
    const [, cut] = curves;
    expect(cut?.exact).toBe(false);
    const problem = problemFromManifest(smaller[0].manifest);
    for (const { budget, bits, score } of cut?.steps ?? []) {
      expect(budget - bits).toBeLessThan(0.11);
      const plan = valueOf(solveBitPlan(problem, bits));
      expect(Math.abs(plan.score - score)).toBeLessThanOrEqual(score * 1e-9);
    }
    const own = cut?.steps[cut.chosen];
    const plan = valueOf(solveBitPlan(problem, smaller[0].manifest.budgetBits));
    expect([own?.bits, own?.score]).toEqual([plan.bits.achieved, plan.score]);
  });

  it("come out of a page's data as they went in", () => {
    for (const { steps } of curves) {
      const packed = packSteps(steps);
      expect(unpackSteps(packed)).toEqual(steps);
    }
  });
});

describe("places of layers", () => {
  const place = (path: string, all: readonly string[] = []) => {
    const { tower, kind, block } = placeOf(path, new Set(all));
    return `${tower} ${kind} ${String(block)}`;
  };

  it("are read off module paths", () => {
    expect(place("model.language_model.layers.34.self_attn.q_proj")).toBe("language q k v 34");
    expect(place("model.language_model.layers.3.mlp.gate_proj")).toBe("language gate up 3");
    expect(place("model.visual.blocks.11.mlp.linear_fc2")).toBe("vision fc2 11");
    expect(place("model.visual.deepstack_merger_list.2.linear_fc1")).toBe(
      "vision deepstack merger fc1 2",
    );
    expect(place("model.visual.merger.mlp.0")).toBe("vision merger 0 null");
    expect(place("lm_head")).toBe("language lm_head null");
  });

  it("of a model that sees and does not read are all in vision, its head too", () => {
    const all = [
      "vit.embeddings.patch_embeddings.projection",
      "vit.layers.2.attention.q_proj",
      "vit.layers.2.mlp.fc1",
      "classifier",
    ];
    expect(all.map((path) => place(path, all))).toEqual([
      "vision patch projection null",
      "vision q k v 2",
      "vision fc1 2",
      "vision classifier null",
    ]);
    expect(place("lm_head", ["model.visual.merger.mlp.0", "model.layers.0.mlp", "lm_head"])).toBe(
      "language lm_head null",
    );
  });

  it("do not call fused what is a group of its own", () => {
    const path = "model.layers.0.self_attn.";
    const all = ["q_proj", "k_proj", "v_proj"].map((name) => path + name);
    expect(all.map((name) => place(name, all))).toEqual([
      "language q 0",
      "language k 0",
      "language v 0",
    ]);
  });
});

describe("the logarithmic scale", () => {
  it("puts zeros at its low end and nothing outside", () => {
    const scale = logScale([0, 1e-4, 1, 100]);
    expect([0, 1e-4, 1e-1, 100, 1000].map((value) => scale?.position(value))).toEqual([
      0, 0, 0.5, 1, 1,
    ]);
    expect(logScale([0, 0])).toBeNull();
    expect(logScale([5])?.position(5)).toBeCloseTo(0.5, 12);
  });
});

describe.skipIf(!haveReferenceData)(`pages of ${referenceDataTitle}`, () => {
  it("are made of every published manifest", () => {
    for (const { name, manifest } of referenceRuns()) {
      const read = valueOf(readManifest(manifest));
      const made = valueOf(analysisPage(subject, [{ name, manifest: read }]));
      expect(made.page).toContain(`Sensitivity of ${read.layers.length} layer groups`);
      expect(Buffer.byteLength(made.page)).toBeLessThan(250_000);
    }
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { budgetCurves, budgetData } from "../../src/analysis/page/budget-curve.ts";
import { pageModel } from "../../src/analysis/page/page-model.ts";
import { keptLayers, offeredPairs } from "../../src/analysis/page/shared/budget-data.ts";
import { EFFORT, solveCurve } from "../../src/analysis/page/shared/solve-curve.ts";
import { schemeWords, schemeYaml } from "../../src/analysis/page/shared/scheme-yaml.ts";
import { pair } from "../analysis/configs.ts";
import { REPOSITORY } from "../engine/support/folder.ts";
import { manyPairs } from "./many-pairs.ts";
import { schemeMistakes } from "./scheme-schema.ts";

const valueOf = <T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

const BASIS = { scope: "lm", size: "large", engine: "modelopt", lmHead: true, convolutions: [] };

function shown(pairs: readonly string[], chosen: readonly number[], known = true) {
  const analyses = manyPairs({
    pairs,
    keep: (name) => name.includes("visual"),
    only: (name) => /layers[.][0-3][.]|merger|lm_head/.test(name),
    ...(known ? { quantizers: (name: string) => pair(name).quantizers } : {}),
  });
  const data = budgetData(analyses, valueOf(pageModel(analyses)));
  const curve = valueOf(solveCurve(data, new Set(chosen), "stored", EFFORT));
  const step = curve.steps[curve.chosen];
  if (step === undefined) throw new Error("no plan");
  const kept = keptLayers(data);
  const scheme = schemeYaml(BASIS, data, curve, step, (layer) => kept[layer] === true);
  return { data, scheme };
}

describe("a plan as a scheme", () => {
  it("is a config that the schema takes, with what schemes of this package are measured against", () => {
    const { scheme } = shown(["wfp8_afp8", "wfp4_afp16"], [0, 1]);
    if (!("yaml" in scheme)) throw new Error(scheme.because);
    const config = parse(scheme.yaml) as { readonly name: string; readonly controls: object };
    expect(schemeMistakes(config)).toEqual([]);
    expect(config).toMatchObject({
      name: scheme.name,
      scope: "lm",
      size: "large",
      engine: "modelopt",
      candidates: ["wfp8_afp8", "wfp4_afp16"],
      lm_head: true,
      exports: ["modelopt", "compressed_tensors"],
    });
    const shipped = join(REPOSITORY, "conf/scheme/fp8_autoquant_top25.yaml");
    const { controls } = parse(readFileSync(shipped, "utf8")) as { controls: object };
    expect(config.controls).toEqual(controls);
    expect(schemeWords(scheme)).toContain(`conf/scheme/${scheme.name}.yaml`);
  });

  it("names the formats of checkpoints that hold all its pairs, and is none where there are none", () => {
    const only = shown(["wfp8_afp8", "wfp8_afp16"], [1]).scheme;
    expect("yaml" in only && only.yaml).toContain("exports: [compressed_tensors]\n");
    const { scheme } = shown(["wfp8_afp8", "wint8_aint4"], [1]);
    expect(scheme).toEqual({
      because: "No checkpoint can hold wint8_aint4: this plan is for analysis only.",
    });
  });

  it("is none where it is not known what its pairs are", () => {
    expect(shown(["wfp8_afp8"], [0], false).scheme).toHaveProperty("because");
  });
});

describe("pairs that a page offers", () => {
  const offered = (...pairs: readonly string[]) => [...offeredPairs(shown(pairs, [0]).data)];

  it("are those that something serves; where nothing does, all", () => {
    expect(offered("wint8_aint4", "wfp8_afp8")).toEqual([1]);
    expect(offered("wint8_aint4", "wint4_aint4")).toEqual([0, 1]);
  });

  it("are what the first curve chooses from", () => {
    const { data } = shown(["wint8_aint4", "wfp8_afp8", "wfp4_afp16"], [0]);
    const [front, ...alone] = valueOf(budgetCurves(data));
    expect(front.options.map(({ name }) => name)).not.toContain("wint8_aint4");
    expect(alone).toHaveLength(3);
  });
});

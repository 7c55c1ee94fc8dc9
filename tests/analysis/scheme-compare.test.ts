import { describe, expect, it } from "vitest";
import { compare, patterns } from "../../rules/comparers/schemes.ts";
import { compareSchemes } from "../../src/analysis/scheme-compare/compare-schemes.ts";
import { schemeComparisonText } from "../../src/analysis/scheme-compare/comparison-text.ts";
import { layerDifferences } from "../../src/analysis/scheme-compare/layer-differences.ts";
import { schemeJson } from "../../src/analysis/schemes/scheme-document.ts";
import type { Scheme } from "../../src/analysis/schemes/scheme.ts";
import { FP8, fp8Problem, madeScheme } from "./scheme-material.ts";

const few = madeScheme("top25", 3).scheme;
const more = madeScheme("top50", 6).scheme;

const diff = (a: Scheme, b: Scheme, options = {}) =>
  compare({
    a: { name: `${a.name}/scheme.json`, text: schemeJson(a) },
    b: { name: `${b.name}/scheme.json`, text: schemeJson(b) },
    options,
  });

describe("two schemes compared", () => {
  it("are the same where nothing differs", () => {
    const answer = diff(few, few);
    expect(answer).toMatchObject({ ok: true, same: true });
    expect(answer.ok && answer.text).toContain("They are the same: every setting");
  });

  it("differ where only the name does, and every layer is said to be the same", () => {
    const answer = diff(few, { ...few, name: "another" });
    expect(answer).toMatchObject({
      same: false,
      json: { settings: [{ setting: "name", a: "top25", b: "another" }], layers: { flips: [] } },
    });
    expect(answer.ok && answer.text).toContain("- Every layer of both has the same format.");
  });

  it("name the layers with another format, the sizes and the settings", () => {
    const { layers, settings, formats, sizes, same } = compareSchemes(
      { name: "A", scheme: few },
      { name: "B", scheme: more },
    );
    expect(same).toBe(false);
    const before = new Map(few.layers.map(({ group, format }) => [group, format]));
    const expected = more.layers.filter(({ group, format }) => before.get(group) !== format);
    expect(expected).toHaveLength(3);
    expect(layers.flips).toEqual(
      expected.map(({ group, modules }) => ({
        layer: group,
        modules: modules.length,
        a: "NONE",
        b: FP8,
      })),
    );
    expect(settings.map(({ setting }) => setting)).toEqual(["name", "choice"]);
    const count = (scheme: Scheme, of: string): number =>
      scheme.layers.filter(({ format }) => format === of).flatMap(({ modules }) => modules).length;
    expect(formats).toEqual(
      ["NONE", FP8].map((format) => ({ format, a: count(few, format), b: count(more, format) })),
    );
    expect(sizes.find(({ what }) => what === "all tensors, modelopt")).toEqual({
      what: "all tensors, modelopt",
      unit: "bytes",
      a: few.achieved.bytes,
      b: more.achieved.bytes,
    });
  });

  it("list as many layers as asked for, and say how many more there are", () => {
    const all = madeScheme("full", fp8Problem.groups.length).scheme;
    const none = { ...all, layers: all.layers.map((layer) => ({ ...layer, format: "NONE" })) };
    const text = schemeComparisonText(
      compareSchemes({ name: "A", scheme: all }, { name: "B", scheme: none }),
      2,
    );
    expect(text.match(/^\| \S.*wfp8_afp8 +\| 16 bits/gm)).toHaveLength(2);
    expect(text).toContain(`And ${fp8Problem.groups.length - 2} more.`);
  });

  it("are compared by module where groups are not the same", () => {
    const fused = [{ group: "q", modules: ["q", "k", "v"], format: FP8 }];
    const split = [
      { group: "q", modules: ["q"], format: "NONE" },
      { group: "k", modules: ["k"], format: FP8 },
      { group: "o", modules: ["o"], format: FP8 },
    ];
    expect(layerDifferences(fused, split)).toEqual({
      both: 2,
      flipped: 1,
      flips: [{ layer: "q", modules: 1, a: FP8, b: "NONE" }],
      only_a: ["v"],
      only_b: ["o"],
    });
  });

  it("say which of them is left without a candidate", () => {
    const dropped = [{ group: "x|y", candidate: FP8, because: "blocks do not fit" }];
    const answer = diff(few, { ...few, dropped });
    expect(answer.ok && answer.text).toMatch(/\| B +\| x\\\|y +\| wfp8_afp8 +\| blocks do not fit/);
  });

  it("are refused with the name of the file, and an option with what it should be", () => {
    const broken = compare({
      a: { name: "x/scheme.json", text: "{" },
      b: { name: "y/scheme.json", text: schemeJson(few) },
      options: {},
    });
    expect(!broken.ok && broken.nextStep).toContain("scheme.json");
    expect(!broken.ok && broken.message).toMatch(/^x\/scheme\.json: /);
    expect(diff(few, more, { top: "0" })).toMatchObject({
      ok: false,
      message: "top=0 is no whole number from 1",
    });
    expect(patterns).toEqual(["**/quantized/**/scheme.json"]);
  });
});

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { capability, type Device, type Purpose } from "../../src/analysis/formats/capability.ts";
import { exportLabel, whyMislabelled } from "../../src/analysis/formats/export-label.ts";
import { applyGranularity, mergeQuantizer } from "../../src/analysis/formats/granularity.ts";
import {
  activationBits,
  bitsPerWeight,
  chargedBits,
  weightStorage,
} from "../../src/analysis/formats/storage.ts";
import { serviceMark, serviceReason, whatServes } from "../../src/analysis/formats/what-serves.ts";
import { numberName, type PairQuantizers } from "../../src/analysis/formats/quantizer.ts";
import { REPOSITORY } from "../engine/support/folder.ts";
import { GRANULARITIES, granularity, pair, PAIRS } from "./configs.ts";
import { expectFailure, expectValue } from "./figures.ts";

const FP8 = { num_bits: [4, 3], axis: null };
const TOKENS = { type: "dynamic", block_sizes: { "-1": null } };

describe("the pairs", () => {
  it("are the sixteen published ones, four in MXFP4, and INT3 weights alone", () => {
    const weights = { wfp4: "nvfp4", wmxfp4: "mxfp4", wfp8: "fp8", wint4: "int4", wint8: "int8" };
    const wanted = Object.entries(weights).flatMap(([prefix, weight]) =>
      ["fp16", "fp8", "int4", "int8"].map((activation) => ({
        name: `${prefix}_a${activation}`,
        weight,
        activation,
      })),
    );
    wanted.push({ name: "wint3_afp16", weight: "int3", activation: "fp16" });
    const found = PAIRS.map(({ name, weight, activation }) => ({ name, weight, activation }));
    expect(found).toEqual(wanted.sort((a, b) => (a.name < b.name ? -1 : 1)));
  });

  it.each(PAIRS)("$name has quantizers of the formats that it names", (config) => {
    const { weight, input } = config.quantizers;
    expect(numberName(weight)).toBe(config.weight);
    expect(input === null ? "fp16" : numberName(input)).toBe(config.activation);
  });

  it("have no two that are the same", () => {
    const all = PAIRS.map(({ quantizers, algorithm }) => JSON.stringify([quantizers, algorithm]));
    expect(new Set(all).size).toBe(PAIRS.length);
    expect(new Set(PAIRS.map(({ format_name: name }) => name)).size).toBe(PAIRS.length);
  });
});

describe("granularities", () => {
  const applied = (pairName: string, name: string): PairQuantizers =>
    expectValue(applyGranularity(pair(pairName).quantizers, granularity(name)));
  const refused = (pairName: string, name: string): string =>
    expectFailure(applyGranularity(pair(pairName).quantizers, granularity(name))).message;

  it("are the nine published ones", () => {
    expect(GRANULARITIES.map(({ name }) => name)).toEqual([
      "a_per_tensor_static",
      "a_per_token_dynamic",
      "default",
      "recipe_match_channel_token",
      "w_group128",
      "w_group64",
      "w_per_in_channel",
      "w_per_out_channel",
      "w_per_tensor",
    ]);
  });

  const INT8 = { num_bits: 8, axis: 0 };
  const INT8_INPUT = { num_bits: 8, axis: null };
  it.each([
    ["wint8_aint8", "default", { weight: INT8, input: INT8_INPUT }],
    ["wint8_aint8", "w_per_tensor", { weight: { num_bits: 8, axis: null }, input: INT8_INPUT }],
    ["wint8_aint8", "w_per_in_channel", { weight: { num_bits: 8, axis: 1 }, input: INT8_INPUT }],
    ["wfp8_afp8", "w_per_out_channel", { weight: { num_bits: [4, 3], axis: 0 }, input: FP8 }],
    [
      "wint8_aint8",
      "w_group64",
      { weight: { num_bits: 8, block_sizes: { "-1": 64 } }, input: INT8_INPUT },
    ],
    [
      "wint4_afp8",
      "w_group64",
      { weight: { num_bits: 4, block_sizes: { "-1": 64, type: "static" } }, input: FP8 },
    ],
    ["wint4_afp16", "w_per_out_channel", { weight: { num_bits: 4, axis: 0 }, input: null }],
    [
      "wfp8_afp16",
      "w_group128",
      { weight: { num_bits: [4, 3], block_sizes: { "-1": 128 } }, input: null },
    ],
    ["wint8_aint8", "a_per_token_dynamic", { weight: INT8, input: { num_bits: 8, ...TOKENS } }],
    [
      "wfp8_afp8",
      "recipe_match_channel_token",
      { weight: { num_bits: [4, 3], axis: 0 }, input: { num_bits: [4, 3], ...TOKENS } },
    ],
    [
      "wint4_aint8",
      "recipe_match_channel_token",
      { weight: { num_bits: 4, axis: 0 }, input: { num_bits: 8, ...TOKENS } },
    ],
  ])("%s with %s", (pairName, name, wanted) => {
    const before = JSON.stringify(pair(pairName));
    expect(applied(pairName, name)).toEqual(wanted);
    expect(JSON.stringify(pair(pairName))).toBe(before); // a copy
  });

  it("keep FP4 in its blocks, whose activations may still change", () => {
    expect(applied("wfp4_aint8", "a_per_token_dynamic").weight).toEqual(
      pair("wfp4_aint8").quantizers.weight,
    );
    for (const name of ["w_group64", "w_group128", "w_per_tensor", "w_per_in_channel"]) {
      expect(refused("wfp4_afp16", name)).toBe(
        "NVFP4 weights exist only in the blocks that define them",
      );
      expect(refused("wmxfp4_afp8", name)).toContain("MXFP4");
    }
    expect(refused("wfp4_aint8", "recipe_match_channel_token")).toContain("NVFP4");
  });

  it.each([
    ["wint8_afp16", "a_per_token_dynamic", "high precision"],
    ["wint8_afp16", "recipe_match_channel_token", "high precision"],
    ["wint4_afp8", "w_group128", "the default of the pair"],
    ["wint8_aint8", "w_per_out_channel", "the default of the pair"],
    ["wfp8_afp8", "w_per_tensor", "the default of the pair"],
    ["wfp8_afp8", "a_per_tensor_static", "the default of the pair"],
  ])("%s cannot have %s", (pairName, name, why) => {
    expect(refused(pairName, name)).toContain(why);
  });

  it("exchange axis and block sizes, and replace one block size among others", () => {
    const blocks = { num_bits: 4, block_sizes: { "-1": 128, type: "static" } } as const;
    expect(mergeQuantizer(blocks, { axis: null })).toEqual({ num_bits: 4, axis: null });
    expect(mergeQuantizer({ num_bits: 8, axis: 0 }, { block_sizes: { "-1": 32 } })).toEqual({
      num_bits: 8,
      block_sizes: { "-1": 32 },
    });
    const scaled = { num_bits: 4, block_sizes: { "-1": 16, scale_bits: [4, 3] } } as const;
    expect(mergeQuantizer(scaled, { block_sizes: { "-1": 64 } }).block_sizes).toEqual({
      "-1": 64,
      scale_bits: [4, 3],
    });
  });

  it.each([
    ["*output_quantizer", { axis: 0 }, "overrides *output_quantizer"],
    ["default", { axis: 0 }, "overrides default"],
    ["*weight_quantizer", { axis: 0, block_sizes: { "-1": 64 } }, "both axis and block_sizes"],
  ])("that make no sense are refused: %s %j", (key, override, why) => {
    const wrong = { name: "odd", quant_cfg_overrides: { [key]: override } };
    const failure = expectFailure(applyGranularity(pair("wint8_aint8").quantizers, wrong));
    expect(failure.reason).toBe("overlay_invalid");
    expect(failure.message).toContain(why);
  });
});

describe("what a pair costs", () => {
  const matrix = { rows: 2560, columns: 9728 };
  const total = (name: string, floatScale?: number): number =>
    bitsPerWeight(weightStorage(pair(name).quantizers.weight, floatScale), matrix);

  it.each([
    ["wfp4_afp16", 4 + 8 / 16 + 32 / (2560 * 9728)],
    ["wfp4_afp8", 4 + 8 / 32 + 32 / (2560 * 9728)],
    ["wmxfp4_afp8", 4 + 8 / 32],
    ["wfp8_aint4", 8 + 32 / (2560 * 9728)],
    ["wint4_aint8", 4 + 32 / 128],
    ["wint8_aint4", 8 + 32 / 9728],
  ])("%s takes %d bits a weight", (name, bits) => {
    expect(total(name)).toBeCloseTo(bits, 12);
  });

  it("agrees with the sizes of real exports of a 4B model", () => {
    const scored = 3_633_315_840; // weights of its language layers
    const gigabytes = (name: string, rest: number): number => rest + (scored * total(name)) / 8e9;
    const rest = 5.24 - (scored * total("wfp8_afp8")) / 8e9; // everything else, from the FP8 export
    expect(gigabytes("wfp4_afp16", rest)).toBeCloseTo(3.65, 2);
    expect(gigabytes("wint4_afp16", rest)).toBeCloseTo(3.54, 2);
    expect(gigabytes("wint8_aint8", rest)).toBeCloseTo(5.25, 1);
  });

  it("is less with half-precision scales", () => {
    expect(total("wint4_afp16", 16)).toBe(4.125);
  });

  it("keeps activations apart, while ModelOpt charges the least of both", () => {
    const { weight, input } = pair("wint8_aint4").quantizers;
    expect(activationBits(input)).toBe(4);
    expect(chargedBits({ weight, input })).toBe(4);
    expect(activationBits(null)).toBe(16);
    expect(chargedBits(pair("wfp4_afp16").quantizers)).toBe(4.5);
    expect(chargedBits(pair("wfp4_afp8").quantizers)).toBe(4);
  });
});

describe("what can be done with a pair", () => {
  const cpu: Device = { kind: "cpu" };
  const cuda = (compute: number | null): Device => ({ kind: "cuda", capability: compute });
  const can = (name: string, purpose: Purpose, device = cuda(null), modelopt = "0.47.0") =>
    capability(pair(name).quantizers, { device, modelopt, purpose });

  it("scores everything on CUDA and all but FP4 on a CPU", () => {
    for (const { name, weight } of PAIRS) {
      expect(can(name, "score")).toEqual({ verdict: "supported" });
      expect(can(name, "score", cpu)).toEqual(
        weight.endsWith("fp4")
          ? { verdict: "unsupported", because: `${weight.toUpperCase()} needs a CUDA device` }
          : { verdict: "supported" },
      );
    }
  });

  it("exports truthfully what ModelOpt has a name for; the rest is for analysis only", () => {
    const truthful = PAIRS.filter(({ name }) => can(name, "export").verdict === "supported");
    expect(truthful.map(({ name, quantizers }) => [name, exportLabel(quantizers)])).toEqual([
      ["wfp4_afp16", "W4A16_NVFP4"],
      ["wfp4_afp8", "W4A8_NVFP4_FP8"],
      ["wfp8_afp8", "FP8"],
      ["wint4_afp16", "W4A16_AWQ"],
      ["wint8_afp16", "W8A16"],
      ["wint8_aint8", "W8A8_SQ_PER_CHANNEL"],
      ["wmxfp4_afp8", "W4A8_MXFP4_FP8"],
    ]);
    const rest = PAIRS.map(({ name }) => can(name, "export")).filter(
      ({ verdict }) => verdict !== "supported",
    );
    expect(rest.map(({ verdict }) => verdict)).toEqual(rest.map(() => "analysis-only"));
    expect(can("wint8_afp8", "export")).toMatchObject({
      because: expect.stringContaining("would export it as W8A8_SQ_PER_CHANNEL") as string,
    });
    expect(can("wfp8_afp16", "export")).toMatchObject({ verdict: "analysis-only" });
    for (const purpose of ["export", "serve"] as const) {
      expect(can("wint3_afp16", purpose)).toEqual({
        verdict: "analysis-only",
        because: "ModelOpt's export knows no weights that are int3 with a scale a row",
      });
    }
  });

  it("serves what vLLM loads, on devices that have kernels for it", () => {
    const served = PAIRS.filter(({ name }) => can(name, "serve").verdict === "supported");
    // INT8 and INT4 by compressed-tensors: vLLM's ModelOpt loader refuses their labels.
    expect(served.map(({ name }) => name)).toEqual([
      "wfp4_afp16",
      "wfp8_afp16",
      "wfp8_afp8",
      "wint4_afp16",
      "wint8_afp16",
      "wint8_aint8",
    ]);
    expect(can("wfp4_afp8", "serve")).toEqual({
      verdict: "unsupported",
      because:
        "vLLM does not load ModelOpt's W4A8_NVFP4_FP8, and compressed-tensors has no form for that",
    });
    expect(can("wint8_afp8", "serve").verdict).toBe("analysis-only");
    expect(can("wfp8_afp8", "serve", cuda(8.9)).verdict).toBe("supported");
    expect(can("wfp8_afp8", "serve", cuda(7.5))).toMatchObject({ verdict: "unsupported" });
    expect(can("wfp8_afp8", "serve", cpu)).toMatchObject({ verdict: "unsupported" });
  });

  it("knows one ModelOpt", () => {
    expect(can("wfp8_afp8", "score", cpu, "0.40.0")).toMatchObject({
      because: expect.stringContaining("list-style") as string,
    });
    expect(can("wfp8_afp8", "export", cuda(9), "0.48.0").verdict).toBe("unsupported");
  });

  it("takes a granularity into account", () => {
    const rows = { weight: { num_bits: [4, 3], axis: 0 } } as const;
    const input = { num_bits: [4, 3], type: "dynamic", block_sizes: { "-1": null } } as const;
    expect(whyMislabelled({ ...rows, input })).toBeNull(); // FP8_PER_CHANNEL_PER_TOKEN
    expect(whyMislabelled({ ...rows, input: { num_bits: [4, 3], axis: null } })).toContain("token");
    expect(whyMislabelled({ weight: { num_bits: 8, axis: null }, input: null })).toContain("W8A16");
    expect(whyMislabelled({ weight: { num_bits: 4, axis: 0 }, input: null })).toContain(
      "no weights",
    );
  });
});

/** python/tests/test_pairs.py holds every line of it against ModelOpt itself. */
describe("the figures of every pair and granularity", () => {
  it("are those that ModelOpt is asked about", async () => {
    const figures = PAIRS.flatMap(({ name, quantizers, algorithm }) =>
      GRANULARITIES.map((overlay) => {
        const merged = applyGranularity(quantizers, overlay);
        const head = { pair: name, granularity: overlay.name };
        if (!merged.ok) return { ...head, refused: merged.error.message };
        const { weight, input } = merged.value;
        const scoredOnCpu = capability(merged.value, {
          device: { kind: "cpu" },
          modelopt: "0.47.0",
          purpose: "score",
        });
        return {
          ...head,
          weight,
          input,
          algorithm,
          charged_bits: chargedBits(merged.value),
          export_label: exportLabel(merged.value),
          storage: weightStorage(weight),
          cpu: scoredOnCpu.verdict === "supported",
        };
      }),
    );
    const lines = figures.map((item) => JSON.stringify(item)).join(",\n");
    await expect(`[\n${lines}\n]\n`).toMatchFileSnapshot(
      join(REPOSITORY, "tests/fixtures/formats.json"),
    );
  });
});

describe("what serves a pair", () => {
  const told = (name: string): readonly [string, string] => {
    const service = whatServes(pair(name).quantizers);
    return [serviceMark(service), serviceReason(service)];
  };

  it("is vLLM from a compute capability on, ModelOpt's export alone, or nothing", () => {
    expect(told("wfp8_afp8")).toEqual([
      "vLLM, compute capability 8.0 or higher",
      "ModelOpt exports it as FP8, and vLLM has a kernel for that from compute capability 8.0 on.",
    ]);
    expect(told("wint8_aint8")).toEqual([
      "vLLM from compressed-tensors, compute capability 8.0 or higher",
      "The export compressed-tensors stores it, and vLLM has a kernel for that from compute capability 8.0 on; it was not found to load ModelOpt's W8A8_SQ_PER_CHANNEL.",
    ]);
    expect(told("wfp8_afp16")[1]).toContain("ModelOpt's export would call it something else");
    expect(told("wfp4_afp8")).toEqual([
      "ModelOpt export only",
      "ModelOpt exports it as W4A8_NVFP4_FP8, but vLLM does not load ModelOpt's W4A8_NVFP4_FP8, and compressed-tensors has no form for that.",
    ]);
    expect(told("wint3_afp16")[0]).toBe("analysis only");
    expect(told("wint8_aint4")[1]).toMatch(
      /^ModelOpt would export it as W8A8_SQ_PER_CHANNEL, whose/,
    );
  });
});

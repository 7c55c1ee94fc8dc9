import { describe, expect, it } from "vitest";
import { readConfiguration } from "../../src/host/aqmfile/configuration-reader.ts";
import { overridden } from "../../src/host/aqmfile/overrides.ts";
import { parseTerm } from "../../src/declare/override/term-parser.ts";
import { resolveOverride } from "../../src/declare/override/override.ts";
import { join } from "node:path";
import { REPOSITORY } from "../rig/workspace.ts";
import { valueOf } from "./support/results.ts";

const conf = join(REPOSITORY, "conf");
const folders = { own: conf, defaults: null };
const groups = valueOf(readConfiguration(folders));

/** What is wrong with the configs of this repository under these overrides; empty where they are right. */
function mistakes(...sets: readonly string[]): string {
  const overrides = sets.map((set) => {
    const term = valueOf(parseTerm(set));
    return valueOf(resolveOverride(term, term.choices[0] ?? null, groups));
  });
  const result = overridden(folders, groups, overrides);
  return result.ok ? "" : result.error.map(({ message }) => message).join("\n");
}

describe("a pair or a granularity that could not be what it says", () => {
  const w8 = "quant_pair/wint8_aint8";
  it.each<[string, readonly string[], string]>([
    [
      "int8 over 4-bit numbers",
      [`${w8}.quantizers.weight.num_bits=4`],
      "weight.num_bits must be 8",
    ],
    [
      "int3 over 4-bit numbers",
      ["quant_pair/wint3_afp16.quantizers.weight.num_bits=4"],
      "weight.num_bits must be 3",
    ],
    ["64-bit numbers", [`${w8}.quantizers.weight.num_bits=64`], "num_bits must be <= 8"],
    [
      "int8 activations over 4-bit numbers",
      [`${w8}.quantizers.input.num_bits=4`],
      "input.num_bits must be 8",
    ],
    [
      "int8 activations that stay as they are",
      [`${w8}.quantizers.input=null`],
      "quantizers.input must be object",
    ],
    ["a float of 64 bits", ["quant_pair/wfp8_afp8.quantizers.weight.num_bits=[11,52]"], "num_bits"],
    [
      "fp16 activations over quantized ones",
      ["quant_pair/wint8_afp16.quantizers.input={num_bits: 8}"],
      "quantizers.input must be null",
    ],
    [
      "a name of another width",
      ["quant_pair/wint8_afp16.name=wint4_afp16"],
      "name has a form that is not allowed",
    ],
    [
      "NVFP4 with the scales of MXFP4",
      ["quant_pair/wfp4_afp16.quantizers.weight.block_sizes.scale_bits=[8,0]"],
      "scale_bits must be [4,3]",
    ],
    [
      "an axis that no weight has",
      [`${w8}.quantizers.weight.axis=2`],
      "axis must be one of 0, 1, null",
    ],
    [
      "an axis that not all activations have",
      [`${w8}.quantizers.input.axis=2`],
      "axis must be one of 0, 1, -1, null",
    ],
    [
      "a scale for each row and for each block",
      [`+${w8}.quantizers.weight.block_sizes={"-1": 64}`],
      "must NOT be valid",
    ],
    [
      "a granularity along an axis that no weight has",
      ["granularity/w_per_in_channel.quant_cfg_overrides.*weight_quantizer.axis=5"],
      "axis must be one of 0, 1, null",
    ],
    [
      "a family without a name",
      ["bit_plan/nvfp4_fp8_at_6p0bits.families=[{name: '', layers: [x], bits: 8}]"],
      "must NOT have fewer than 1 characters",
    ],
  ])("is refused where it is declared: %s", (_what, sets, said) => {
    expect(mistakes(...sets)).toContain(said);
  });

  it("is what it says in this repository", () => {
    expect(mistakes(`${w8}.quantizers.weight.axis=1`)).toBe("");
  });
});

import { describe, expect, it } from "vitest";
import { adjustedBits } from "../../src/analysis/formats/adjusted-bits.ts";
import { effectiveBits, weightCost } from "../../src/analysis/formats/cost.ts";
import { formatLabel, parseFormatLabel } from "../../src/analysis/formats/label.ts";
import { expectFailure, expectValue, figuresOf } from "./figures.ts";

describe("format labels", () => {
  it.each([
    ["FP8_DEFAULT_CFG", 8, "FP8_DEFAULT_CFG(effective-bits: 8.0)"],
    ["NVFP4_DEFAULT_CFG", 4.5, "NVFP4_DEFAULT_CFG(effective-bits: 4.5)"],
    ["NONE", 16, "NONE(effective-bits: 16.0)"],
  ])("are written and read: %s", (name, bits, label) => {
    expect(formatLabel(name, bits)).toBe(label);
    expect(expectValue(parseFormatLabel(label))).toEqual({ name, bits });
  });

  it.each(["FP8", "FP8(effective-bits: )", "FP8(effective-bits: many)", "FP8(effective-bits: 0)"])(
    "are refused without bits: %s",
    (label) => {
      expect(expectFailure(parseFormatLabel(label)).reason).toBe("unreadable_format");
    },
  );
});

describe("cost", () => {
  it("counts fp16-equivalent weights", () => {
    expect(weightCost(24_903_680, 8)).toBe(12_451_840);
    expect(weightCost(24_903_680, 4)).toBe(6_225_920);
    expect(effectiveBits(weightCost(1000, 4.5), 1000)).toBe(4.5);
  });
});

describe("the budget over a model with layers kept at 16 bits", () => {
  const kept = { weights: 412_614_656, enabled: false };
  const rest = { weights: 4_434_886_656 - 412_614_656, enabled: true };

  it("is the published figure to the last digit", () => {
    expect(adjustedBits([kept, rest], 8)).toBe(figuresOf("qwen3-lm-int8").budgetBits);
  });

  it("never exceeds 16, and is the request itself where nothing is kept", () => {
    expect(adjustedBits([kept, rest], 16)).toBe(16);
    expect(adjustedBits([kept], 4)).toBe(16);
    expect(adjustedBits([rest], 8)).toBe(8);
  });
});

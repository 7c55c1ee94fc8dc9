import { describe, expect, it } from "vitest";
import { readExportCheck } from "../../src/analysis/schemes/export-check.ts";
import { readServingStatus } from "../../src/analysis/schemes/serving-status.ts";
import { expectFailure, expectValue } from "./figures.ts";

const CHECK = {
  schema: 1,
  op: "compressed_tensors_export",
  plan: "5f1c",
  scope: "lm",
  bytes: 4_100_200,
  weight_bytes: 3_900_100,
  quantized_layers: 1,
  kept_layers: 2,
  formats: { wfp8_afp8: 1 },
  layers: [
    { layer: "model.a", format: "wfp8_afp8", digest: "aa", difference: 0.0, tolerance: 0.0 },
    { layer: "model.b", format: "NONE", digest: "bb", difference: 0.0, tolerance: 0.0 },
  ],
  weights: "77ab",
  logits: { largest_difference: 1e-6, kl: 0.0, tolerance: 1e-6, tokens: 96 },
  gates: ["plan_and_files"],
};

const STATUS = {
  schema: 1,
  op: "serving_check",
  vllm: "0.33.0",
  device: "cpu",
  status: "loads strictly (not run)",
  level: null,
  reason: null,
  trace: null,
  by_default: "loads",
  unquantized: [],
  compared: { parameters: 120, different: [] },
  answers: null,
};

describe("the check document of an export", () => {
  const read = (of: object) => readExportCheck(JSON.stringify(of));

  it("is read field by field", () => {
    expect(expectValue(read(CHECK))).toMatchObject({
      plan: "5f1c",
      weights: "77ab",
      weightBytes: 3_900_100,
      quantizedLayers: 1,
      logits: { largestDifference: 1e-6, tokens: 96 },
    });
  });

  it("is refused by the field that is wrong", () => {
    expect(expectFailure(read({ ...CHECK, weights: "" })).message).toContain("weights is empty");
    expect(expectFailure(read({ ...CHECK, plan: undefined })).where).toBe("plan");
    expect(expectFailure(read({ ...CHECK, schema: 2 })).reason).toBe("unsupported_schema");
    const logits = { ...CHECK.logits, kl: "0" };
    expect(expectFailure(read({ ...CHECK, logits })).where).toBe("logits.kl");
  });
});

describe("a serving status", () => {
  const read = (of: object) => readServingStatus(JSON.stringify({ ...STATUS, ...of }));
  const rejected = { status: "rejected", level: 2, reason: "no such scheme", compared: null };

  it("is read as it is: loaded, rejected by a level, or not checked for a reason", () => {
    expect(expectValue(read({}))).toMatchObject({ word: "loads strictly (not run)", level: null });
    expect(expectValue(read(rejected))).toMatchObject({
      word: "rejected",
      level: 2,
      compared: null,
    });
    const kernel = { status: "not checked", reason: "no kernel on a CPU", compared: null };
    expect(expectValue(read(kernel))).toMatchObject({ word: "not checked", level: null });
  });

  it("is refused where it contradicts itself", () => {
    const different = { parameters: 120, different: ["model.a.weight"] };
    for (const [of, message] of [
      [{ compared: different }, "names model.a.weight as different, and the status is loads"],
      [{ compared: null }, "compares no parameters"],
      [{ ...rejected, level: null }, "is rejected without a level and a reason"],
      [{ status: "not checked", compared: null }, "is not checked without a reason"],
      [{ status: "works" }, "is not one of serves, loads strictly (not run), rejected"],
    ] as const) {
      expect(expectFailure(read(of)).message).toContain(message);
    }
  });
});

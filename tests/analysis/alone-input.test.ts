import { describe, expect, it } from "vitest";
import { failed } from "../../src/analysis/result/result.ts";
import { problemFailed } from "../../rules/translate/alone-input.ts";
import { alone } from "./search-material.ts";

const CONFIG = "conf/scheme/small.yaml";
const ALONE = "models/m/searched/lm_small/int4/alone.json";

describe("a search whose problem cannot be made", () => {
  const inputs = {
    alone: { path: ALONE, text: () => "", digest: () => "sha256:0", isThere: () => true },
  };

  it("names the measurement of groups alone where that lacks a group", () => {
    const lacking = alone()("lm_head", "wint4_afp16");
    if (lacking.ok) throw new Error("lm_head should not have been measured");
    const failure = problemFailed(lacking.error, inputs, CONFIG);
    expect(failure.message).toContain("lm_head was not measured with wint4_afp16 alone");
    expect(failure.nextStep).toContain(ALONE);
    expect(failure.nextStep).not.toContain(CONFIG);
  });

  it("names the config of the scheme where that asks for what no plan meets", () => {
    const unmet = failed("budget_unmet", "bits", "Too few.");
    expect(problemFailed(unmet.error, inputs, CONFIG).nextStep).toContain(CONFIG);
  });
});

import { describe, expect, it } from "vitest";
import { checkExercised } from "../../src/analysis/scores/check-exercised.ts";
import { readScores } from "../../src/analysis/scores/read-scores.ts";
import { expectFailure, expectValue, scoresText, smallFigures } from "./figures.ts";

const valid = scoresText(smallFigures);

describe("reading scores", () => {
  it("reads a complete document", () => {
    const scores = expectValue(readScores(valid));
    expect(scores.format).toMatchObject({ name: "FP8_DEFAULT_CFG", bits: 8 });
    expect(scores.measured.scoreTokens).toBe(2000);
    expect(scores.environment.get("torch")).toBe("2.9.1");
    expect(scores.groups.map(({ score }) => score)).toEqual([0, 0.5, 0.25]);
    expect(scores.modules).toHaveLength(3);
  });

  it("reads the first documents, which name no engine and groups as ModelOpt does", () => {
    const document = JSON.parse(valid) as Record<string, unknown>;
    const { engine: _engine, format, groups, ...rest } = document;
    const { modelopt: config, ...named } = format as Record<string, unknown>;
    const first = JSON.stringify({
      ...rest,
      schema: 1,
      format: { ...named, config },
      groups: (groups as { name: string }[]).map(({ name, ...group }) => ({
        handle: `${name}.quant_recipe`,
        ...group,
      })),
    });
    expect(readScores(first)).toEqual(readScores(valid));
  });

  it("knows the form of a format by the engine's name", () => {
    const other = valid.replaceAll('"modelopt"', '"weight_error"');
    expect(expectValue(readScores(other)).engine).toBe("weight_error");
    const mixed = valid.replace('"engine":"modelopt"', '"engine":"weight_error"');
    expect(expectFailure(readScores(mixed))).toMatchObject({
      reason: "wrong_structure",
      where: "format.modelopt",
    });
  });

  it.each([
    ["text that is cut off", valid.slice(0, -5), "not_json", "line 1"],
    ["another schema", valid.replace('"schema":2', '"schema":3'), "unsupported_schema", "schema"],
    ["NaN", valid.replace("0.25", "NaN"), "non_finite_number", "groups[2] (layers.1.mlp).score"],
    [
      "Infinity",
      valid.replace("0.25", "Infinity"),
      "non_finite_number",
      "groups[2] (layers.1.mlp).score",
    ],
    [
      "a score below zero",
      valid.replace("0.25", "-0.25"),
      "wrong_structure",
      "groups[2] (layers.1.mlp)",
    ],
    [
      "a score as text",
      valid.replace("0.25", '"0.25"'),
      "wrong_structure",
      "groups[2] (layers.1.mlp).score",
    ],
    [
      "a group twice",
      valid.replace("layers.1.mlp", "layers.0.mlp"),
      "duplicate_group",
      "layers.0.mlp",
    ],
    [
      "a score of a disabled group",
      valid.replace('"enabled":true', '"enabled":false'),
      "disabled_group_scored",
      "groups[1] (layers.0.mlp)",
    ],
    [
      "fractional weights",
      valid.replace('"weights":100', '"weights":100.5'),
      "wrong_structure",
      "groups[0] (visual.proj).weights",
    ],
    ["an unknown scope", valid.replace('"lm"', '"all"'), "wrong_structure", "scope"],
    ["an unknown field", valid.replace('"scope"', '"extra":1,"scope"'), "wrong_structure", "extra"],
    [
      "a missing field",
      valid.replace('"score_tokens":2000,', ""),
      "wrong_structure",
      "measured.score_tokens",
    ],
    ["no groups", scoresText(smallFigures, { groups: [] }), "wrong_structure", "groups"],
    [
      "no bits",
      valid.replace('"charged_bits":8', '"charged_bits":0'),
      "wrong_structure",
      "format.charged_bits",
    ],
    ["a list", "[]", "wrong_structure", ""],
  ])("refuses %s", (_, source, reason, where) => {
    const failure = expectFailure(readScores(source));
    expect(failure).toMatchObject({ reason, where });
    expect(failure.message.length).toBeGreaterThan(30);
  });
});

describe("layers that the data never reached", () => {
  const check = (source: string) => checkExercised(expectValue(readScores(source)));

  it("accepts scores of layers that all ran", () => {
    expect(check(valid).ok).toBe(true);
  });

  it("accepts a single zero among measured neighbours", () => {
    expect(check(valid.replace("0.25", "0")).ok).toBe(true);
  });

  it("refuses an enabled layer that did not run", () => {
    const idle = valid.replace('"score":0.25,"executions":16', '"score":0.25,"executions":0');
    expect(expectFailure(check(idle))).toMatchObject({
      reason: "not_exercised",
      where: "layers.1.mlp",
    });
  });

  it("refuses a family of layers that is zero throughout", () => {
    const zero = valid.replace("0.25", "0.0").replace("0.5", "0.0");
    expect(expectFailure(check(zero))).toMatchObject({
      reason: "not_exercised",
      where: "layers.*.mlp",
    });
  });
});

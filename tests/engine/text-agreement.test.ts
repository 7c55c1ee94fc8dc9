import { describe, expect, it } from "vitest";
import { textDifference } from "../../src/model/text-agreement.ts";

const kind = (a: string, b: string): string => textDifference(a, b).kind;

describe("how two texts differ", () => {
  it("is by numbers alone where every word is the same", () => {
    expect(textDifference("| a | 1.5e-3 |", "| a | 2 |")).toEqual({
      kind: "numbers",
      changed: 1,
      first: ["1.5e-3", "2"],
      whole: false,
    });
    expect(kind('<path d="M0,1.5L3,4"/>', '<path d="M0,2L3.5,4"/>')).toBe("numbers");
    expect(
      kind('{"digest": "0123456789abcdef", "x": 12%}', '{"digest": "fedcba9876543210", "x": 13%}'),
    ).toBe("numbers");
  });

  it("is by order where rows have changed places", () => {
    expect(kind("| north | 1 |\n| south | 2 |", "| south | 2 |\n| north | 1.5 |")).toBe("order");
  });

  it("is by words where a name is another, even if by its number alone", () => {
    expect(textDifference("layers.1.up 5", "layers.2.up 5")).toEqual({
      kind: "words",
      onlyA: ["layers.1.up"],
      onlyB: ["layers.2.up"],
    });
    expect(kind("width w8a8", "width w4a8")).toBe("words");
    expect(kind("a a b", "a b b")).toBe("words");
  });

  it.each([
    ["a8", "a4"],
    ["q8", "q4"],
    ["H200", "H100"],
    ["5 MB", "5 GB"],
    ["5MB", "5GB"],
    ["12ms", "12s"],
    ["–", "5.1"],
    ["-3", "3"],
    ["a < 5", "a > 5"],
    ["**int4** 5", "int4 6"],
    ["version 0.43.0", "version 0.40.0"],
    ["| up | int4 |\n| down | int8 |", "| up | int8 |\n| down | int4 |"],
    ['"a": "int4"\n"b": "int8"', '"b": "int8"\n"a": "int4"'],
  ])("is by words from %j to %j", (a, b) => {
    const found = textDifference(a, b);
    expect(found.kind).toBe("words");
    if (found.kind === "words") expect(found.onlyA.length + found.onlyB.length).toBeGreaterThan(0);
  });

  it("is by layout alone where every word and number is the same", () => {
    expect(kind("x 1\ny 2\n", "x 1\r\ny 2\r\n")).toBe("layout");
    expect(kind("x  1", "x 1")).toBe("layout");
  });

  it("says whether whole numbers are others, which may be places in a list", () => {
    expect(textDifference('{"changes": [1]}', '{"changes": [2]}')).toMatchObject({ whole: true });
    expect(textDifference('{"bits": 4.5}', '{"bits": 4.25}')).toMatchObject({ whole: false });
  });

  it("is none where they are the same", () => {
    expect(kind("x 1", "x 1")).toBe("none");
  });
});

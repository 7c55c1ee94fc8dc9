import { describe, expect, it } from "vitest";
import { textDifference } from "../../src/model/text-agreement.ts";

const kind = (a: string, b: string): string => textDifference(a, b).kind;

describe("how two texts differ", () => {
  it("is by numbers alone where every word is the same", () => {
    expect(textDifference("| a | 1.5e-3 |", "| a | 2 |")).toEqual({
      kind: "numbers",
      changed: 1,
      first: ["1.5e-3", "2"],
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

  it("is none where they are the same", () => {
    expect(kind("x 1", "x 1")).toBe("none");
  });
});

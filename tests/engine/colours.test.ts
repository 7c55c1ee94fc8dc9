import { expect, it } from "vitest";
import { COLOURS } from "../../src/ui/reporter.ts";

it("colours go on after what is coloured within, and end with the text", () => {
  const { red, dim, bold } = COLOURS;
  expect(red("a")).toBe("\u001B[31ma\u001B[39m");
  const nested = red(`a ${COLOURS.green("b")} c`);
  expect(nested).toBe("\u001B[31ma \u001B[32mb\u001B[39m\u001B[31m c\u001B[39m");
  expect(dim(`a ${bold("b")} c`)).toBe("\u001B[2ma \u001B[1mb\u001B[22m\u001B[2m c\u001B[22m");
});

import { describe, expect, it } from "vitest";
import { typescriptVersion } from "../../src/host/code/op-version.ts";

describe("the version of a TypeScript op", () => {
  it.each([
    ["export const version = 3;", 3],
    ["export const version: number = 3 // third", 3],
    ["export  const version=3", 3],
    ["export const version = 3, other = 4;", 3],
    ["/*\nexport const version = 2;\n*/\nexport const version = 3;", 3],
    ["/*! @license\nexport const version = 2;\n*/\nexport const version = 3;", 3],
    [
      "const help = `\nexport const version = 2;\n`;\nexport const version = 3;\nexport { help };",
      3,
    ],
    [
      "export const a = String.raw`\nexport const version = 2;\n${1}`;\nexport const version = 3;",
      3,
    ],
    ["export const a = /\\/*/;\nexport const version = 3;\nexport const b = '*/';", 3],
    ["// export const version = 2;", null],
    ["export function f() {\n  const version = 2;\n  return version;\n}", null],
    ["export let version = 2;", null],
    ['export const version = "2";', null],
    ["export const version = 2.5;", null],
    ["export const version = 1 + 1;", null],
  ])("%j is %s", async (text, version) => {
    expect(await typescriptVersion(text)).toBe(version);
  });
});

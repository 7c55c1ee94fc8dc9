import { describe, expect, it } from "vitest";
import {
  helpText,
  parseArguments,
  wholeNumber,
  type CommandSpec,
} from "../../src/cli/language/arguments.ts";
import { COMMANDS } from "../../src/cli/language/commands.ts";
import { errorOf, valueOf } from "./support/results.ts";

const SPEC: CommandSpec = {
  name: "build",
  usage: "[targets…]",
  summary: "Builds.",
  description: ["More."],
  options: [
    { name: "keep-going", short: "k", help: "Go on." },
    { name: "jobs", short: "j", value: "N", help: "How many." },
  ],
  examples: [["aqm build x", "builds x"]],
};
const parse = (...argv: readonly string[]) => valueOf(parseArguments(SPEC, argv));
const mistake = (...argv: readonly string[]) => errorOf(parseArguments(SPEC, argv));

describe("arguments", () => {
  it("are targets, switches and values in any order", () => {
    const args = parse("a", "-k", "--jobs", "3", "b/*.md");
    expect(args.targets).toEqual(["a", "b/*.md"]);
    expect(args.flag("keep-going")).toBe(true);
    expect(args.value("jobs")).toBe("3");
  });

  it.each([["--jobs=3"], ["-j3"], ["-j", "3"], ["-kj3"]])("take a value as %s %s", (...argv) => {
    expect(parse(...argv.filter((arg) => arg !== "")).value("jobs")).toBe("3");
  });

  it("that are absent are off", () => {
    expect(parse().flag("keep-going")).toBe(false);
    expect(parse().value("jobs")).toBeUndefined();
  });

  it("after -- are targets", () => {
    expect(parse("--", "--jobs").targets).toEqual(["--jobs"]);
  });

  it("that are mistyped get the nearest right one", () => {
    expect(mistake("--keepgoing")).toEqual({
      reason: "usage",
      message: "aqm build has no option --keepgoing",
      nextStep: "Did you mean --keep-going?",
    });
    expect(mistake("--zzzzzzzzz").nextStep).toBe("aqm build --help lists them.");
    expect(mistake("-x").message).toContain("has no option");
  });

  it("that lack their value, or have one too many, are said", () => {
    expect(mistake("--jobs").message).toContain("--jobs");
    expect(mistake("--keep-going=yes").message).toContain("--keep-going");
  });
});

describe("a whole number", () => {
  it("is taken, or the fallback", () => {
    expect(valueOf(wholeNumber("jobs", "8", 2))).toBe(8);
    expect(valueOf(wholeNumber("jobs", undefined, 2))).toBe(2);
    expect(valueOf(wholeNumber("retries", "0", 1, 0))).toBe(0);
  });

  it.each(["0", "-1", "1.5", "many", "", "NaN", "Infinity"])("is not %j", (text) => {
    expect(errorOf(wholeNumber("jobs", text, 2))).toMatchObject({
      reason: "usage",
      message: `--jobs takes a whole number from 1, not ${text}`,
    });
  });
});

describe("the help", () => {
  it("shows usage, every option, and examples", () => {
    const text = helpText(SPEC);
    for (const part of ["aqm build [targets…]", "-k, --keep-going", "-j, --jobs N", "-h, --help"]) {
      expect(text).toContain(part);
    }
    expect(text).toContain("aqm build x\n      builds x");
  });

  it.each(COMMANDS.map((spec) => [spec.name, spec] as const))(
    "of %s is whole, and its options do not clash",
    (_, spec) => {
      expect(spec.examples.length).toBeGreaterThan(0);
      const names = spec.options.map(({ name }) => name);
      const shorts = spec.options.flatMap(({ short }) => short ?? []);
      expect(new Set(names).size).toBe(names.length);
      expect(new Set([...shorts, "h"]).size).toBe(shorts.length + 1);
      expect(helpText(spec)).not.toContain("undefined");
    },
  );
});

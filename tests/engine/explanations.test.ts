import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/language/commands.ts";
import { EXPLANATIONS, REASONS } from "../../src/cli/language/explanations.ts";
import { REPOSITORY } from "./support/folder.ts";

const declared = fs.readFileSync(join(REPOSITORY, "src/model/failure.ts"), "utf8");
const [, union = ""] = /type FailureReason =([^;]*);/.exec(declared) ?? [];

describe("explanations of failures", () => {
  it("are there for each reason, and for nothing else", () => {
    const reasons = [...union.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
    expect(reasons.length).toBeGreaterThan(30);
    expect([...REASONS]).toEqual(reasons.sort());
  });

  it.each(Object.entries(EXPLANATIONS))(
    "%s: what, cause and next step are sentences",
    (_code, it) => {
      for (const text of [it.what, it.cause, it.next]) expect(text).toMatch(/^[A-Za-z`].{15,}\.$/);
      expect(new Set([it.what, it.cause, it.next]).size).toBe(3);
    },
  );

  it("name commands of aqm that there are", () => {
    const known = new Set(COMMANDS.map(({ name }) => name));
    const named = Object.values(EXPLANATIONS).flatMap(({ next }) =>
      [...next.matchAll(/`aqm ([a-z]+)/g)].map(([, name = ""]) => name),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

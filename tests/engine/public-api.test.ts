import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "./support/folder.ts";
import { sourcesBelow } from "./support/sources.ts";

/**
 * What other workspaces may import. A name that goes, or is called otherwise, breaks them; a new one is a promise.
 * After a change that is meant: `AQM_WRITE_API=1 npx vitest run tests/engine/public-api.test.ts`, and look at
 * what Git says of the file.
 */
const SNAPSHOT = join(REPOSITORY, "tests/fixtures/public-api.json");

const manifest = JSON.parse(fs.readFileSync(join(REPOSITORY, "package.json"), "utf8")) as {
  exports: Record<string, { "aqm-source": string; types: string; default: string }>;
};

/** Names that a module exports by lists and by declarations, sorted. */
function exportsOf(text: string): readonly string[] {
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = ""]) =>
    list.split(",").flatMap((name) => name.replace(/^\s*type /, "").trim() || []),
  );
  const declared = [
    ...text.matchAll(/^export (?:async )?(?:const|function|interface|type|class) (\w+)/gm),
  ].map(([, name = ""]) => name);
  return [...listed, ...declared].sort();
}

/** Doors to code; a schema is data, which events.test.ts holds. */
const coded = Object.entries(manifest.exports).filter(([door]) => !door.endsWith(".json"));
const doors = coded.filter(([door]) => !door.includes("*"));
const shown = Object.fromEntries([
  ...doors.map(([door, { default: path }]) => [
    door.replace(".", "aqm"),
    exportsOf(fs.readFileSync(join(REPOSITORY, path), "utf8")),
  ]),
  ...sourcesBelow(REPOSITORY, "rules")
    .filter(({ path }) => !/^rules\/(?:ops|adopters|comparers|translate)\//.test(path))
    .map(({ path, text }) => [`aqm/${path}`, exportsOf(text)]),
]) as Readonly<Record<string, readonly string[]>>;

describe("the public doors", () => {
  it("show the names that the snapshot has", () => {
    if (process.env["AQM_WRITE_API"] !== undefined)
      fs.writeFileSync(SNAPSHOT, `${JSON.stringify(shown, null, 2)}\n`);
    expect(shown).toEqual(JSON.parse(fs.readFileSync(SNAPSHOT, "utf8")));
    expect(shown["aqm"]).toContain("action");
    expect(shown["aqm/analysis"]).toContain("solveBitPlan");
    expect(shown["aqm/rules/sensitivity.ts"]).toContain("sensitivity");
  });

  it.each(coded)(
    "%s has a source, and types made of the same source",
    (_door, { "aqm-source": source, types, default: path }) => {
      expect(path).toBe(source);
      expect(types).toBe(source.replace("./", "./types/").replace(/\.ts$/, ".d.ts"));
    },
  );
});

import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "./support/folder.ts";

const map = fs.readFileSync(join(REPOSITORY, "docs/code-map.md"), "utf8");
const rows = map
  .slice(map.indexOf("| question"), map.indexOf("## How to add"))
  .split("\n")
  .filter((line) => /^\| \S/.test(line))
  .slice(1);

const isThere = (path: string): boolean => fs.existsSync(join(REPOSITORY, path));
const looksLikePath = (words: string): boolean =>
  !words.includes("*") && (words.endsWith("/") || /^[\w./-]+\.(?:ts|py)$/.test(words));

/** A path is whole, or lies in the folder of the whole path before it. */
function lostPaths(row: string): readonly string[] {
  let folder = "";
  return [...row.matchAll(/`([^`]+)`/g)].flatMap(([, words = ""]) => {
    if (!looksLikePath(words)) return [];
    if (words.includes("/") && isThere(words)) {
      folder = words.endsWith("/") ? words : dirname(words);
      return [];
    }
    return folder !== "" && isThere(join(folder, words)) ? [] : [words];
  });
}

describe("the table of questions in docs/code-map.md", () => {
  it.each(rows.map((row) => [row.slice(2, row.indexOf("|", 2)).trim(), row]))(
    "%s",
    (_question, row) => {
      expect(lostPaths(row)).toEqual([]);
    },
  );

  it("is a table of many questions", () => {
    expect(rows.length).toBeGreaterThan(40);
    expect(lostPaths("| a | `src/plan/plan.ts`, `judge.ts`, `nowhere.ts` |")).toEqual([
      "nowhere.ts",
    ]);
  });
});

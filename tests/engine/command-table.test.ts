import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/language/commands.ts";
import { REPOSITORY } from "./support/folder.ts";

/** Where people read which options there are: a row for each command, its options in the last column. */
const DOCUMENT = "docs/commands.md";

const optionsOf = (command: string): readonly string[] =>
  COMMANDS.filter(({ name }) => name === command)
    .flatMap(({ options }) => options.map(({ name }) => `--${name}`))
    .sort();

const rows = fs
  .readFileSync(join(REPOSITORY, DOCUMENT), "utf8")
  .split("\n")
  .flatMap((line) => {
    // A pipe in a cell is escaped.
    const [, usage = "", , options = ""] = line.split(/(?<!\\)\|/);
    const command = /^ `aqm ([a-z]+)/.exec(usage)?.[1];
    return command === undefined ? [] : [{ command, options: namedIn(options) }];
  });

/** `--name`, each once; "as `build`, without `--x`" stands for that command's own. */
function namedIn(text: string): readonly string[] {
  const [, other, without = ""] = /^ as `([a-z]+)`(?:, without (.*))?/.exec(text) ?? [];
  if (other === undefined) return [...text.matchAll(/--[a-z-]+/g)].map(([name]) => name).sort();
  return optionsOf(other).filter((name) => !without.includes(`\`${name}`));
}

describe(`the table of commands in ${DOCUMENT}`, () => {
  it("has a row for each command", () => {
    expect(rows.map(({ command }) => command).sort()).toEqual(
      COMMANDS.map(({ name }) => name).sort(),
    );
  });

  it.each(rows)("has the options of $command", ({ command, options }) => {
    expect(
      options,
      `options of ${command} in ${DOCUMENT}, against src/cli/language/commands.ts`,
    ).toEqual(optionsOf(command));
  });

  it("has the right letters", () => {
    const text = fs.readFileSync(join(REPOSITORY, DOCUMENT), "utf8");
    const letters = COMMANDS.flatMap(({ options }) =>
      options.map(({ name, short }) => [`--${name}`, short] as const),
    );
    const wrong = [...text.matchAll(/`-([a-z]) (--[a-z-]+)/g)].filter(
      ([, letter, name]) => !letters.some(([known, short]) => known === name && short === letter),
    );
    expect(wrong.map(([found]) => found)).toEqual([]);
  });
});

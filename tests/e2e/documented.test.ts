import * as fs from "node:fs";
import { dirname, join, normalize } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseArguments } from "../../src/cli/language/arguments.ts";
import { COMMANDS } from "../../src/cli/language/commands.ts";
import { aqmArguments, commandsOf, DOCUMENTS, isPlaceholder, textOf } from "../rig/documented.ts";
import { WIDE } from "../rig/wide.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/** What README, docs and help say can be done: every command is one that exists, on targets that exist. */
const all = DOCUMENTS.flatMap(commandsOf);
const examples = COMMANDS.flatMap(({ name, examples }) =>
  examples.map(([command]) => ({
    where: `help of ${name}`,
    command,
    words: command.split(" ").map((word) => word.replace(/^(["'])(.*)\1$/, "$2")),
  })),
);
const calls = [...all, ...examples].flatMap((documented) => {
  const [name = "", ...words] = aqmArguments(documented) ?? [];
  return name === "" ? [] : [{ ...documented, name, given: words }];
});

const parsed = ({ name, given }: (typeof calls)[number]) => {
  const spec = COMMANDS.find((command) => command.name === name);
  if (spec === undefined) throw new Error(`aqm has no command ${name}`);
  return parseArguments(spec, given);
};

/** Commands whose words are targets. */
const ON_TARGETS = ["build", "list", "why", "graph", "verify", "clean", "watch", "reproduce"];

describe("commands in README and docs", () => {
  let workspace: TestWorkspace;
  beforeAll(() => {
    workspace = TestWorkspace.copyOfRepository();
  });
  afterAll(() => workspace.remove());

  it("are there", () => {
    expect(calls.length).toBeGreaterThan(30);
  });

  it.each(all)("$where is of a kind that is checked: $command", ({ words }) => {
    const script = JSON.parse(fs.readFileSync(join(REPOSITORY, "package.json"), "utf8")) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const [first = "", second = "", third = ""] = words.filter((word) => !/^\w+=/.test(word));
    // Of the Python package only the tests and the runner are called; a lock file is made by uv.
    if (first.startsWith("$") || first === "uv" || first === "cd" || words[0] === "python=$(npx")
      return;
    if (first === "npm" && second === "run") expect(Object.keys(script.scripts)).toContain(third);
    else if (first === "npm") expect(["ci", "install", "test"]).toContain(second);
    else if (first === "node") expect(fs.existsSync(join(REPOSITORY, second))).toBe(true);
    else if (first === "npx" && second === "vitest")
      expect(fs.existsSync(join(REPOSITORY, words[3] ?? ""))).toBe(true);
    else expect([first, second]).toContain("aqm");
  });

  it.each(calls)("$where has options that aqm knows: $command", (call) => {
    const result = parsed(call);
    expect(result.ok ? "" : result.error.message).toBe("");
  });

  it.runIf(WIDE)("name targets that can be built", async () => {
    const targets = calls
      .filter(({ name }) => ON_TARGETS.includes(name))
      .flatMap((call) => {
        const result = parsed(call);
        return result.ok ? result.value.targets : [];
      })
      .filter((target) => !isPlaceholder(target));
    expect(targets.length).toBeGreaterThan(10);
    const { stderr, code } = await workspace.aqm(["list", ...new Set(targets)]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });
});

describe("links in README and docs", () => {
  const links = DOCUMENTS.flatMap((document) =>
    [...textOf(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => ({ document, link })),
  ).filter(({ link }) => !/^[a-z]+:/.test(link));

  it.each(links)("$document: $link", ({ document, link }) => {
    const [path = "", anchor] = link.split("#");
    const file = path === "" ? document : normalize(join(dirname(document), path));
    expect(fs.existsSync(join(REPOSITORY, file))).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(textOf(file))).toContain(anchor);
  });
});

/** The names under which a page shows its headings. */
const anchorsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

describe("the README", () => {
  it("is read in five minutes: at most 12 kB", () => {
    expect(Buffer.byteLength(textOf("README.md"))).toBeLessThanOrEqual(12_000);
  });
});

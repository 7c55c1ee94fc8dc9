import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { loadAqmfile } from "../../src/host/aqmfile/aqmfile.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import type { Failure } from "../../src/model/failure.ts";
import { pythonOpFiles } from "../rig/python-op.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";

/** Line 4 of its rule declares the action of a Python op. */
const ACTION = `op: press, params: { size: "a4", copies: 2 }, inputs: { text: file("in.txt") }, outputs: { page: committed("out/1") }`;
const aqmfile = (
  action: string,
): string => `import { action, build, committed, environment, file, folder, ifThere, pythonOp, region } from "aqm";
const shop: any = environment({ name: "shop", requirements: "r.txt", lock: "l.txt" });
const press: any = pythonOp("press", shop);
export default build([action({ ${action} } as any)]);
`;
const DECLARED = {
  inputs: { text: "file" },
  optionalInputs: { picture: "file" },
  outputs: { page: "file" },
  params: {
    type: "object",
    additionalProperties: false,
    required: ["size", "copies"],
    properties: { size: { enum: ["a4", "a5"] }, copies: { type: "integer", minimum: 1 } },
  },
} as const;

let workspace: Folder;
const write = (path: string, text: string): void => {
  fs.mkdirSync(dirname(join(workspace.path, path)), { recursive: true });
  fs.writeFileSync(join(workspace.path, path), text);
};
const op = (change: object = {}): void => {
  for (const [path, text] of Object.entries(pythonOpFiles("press", { ...DECLARED, ...change })))
    write(path, text);
};
beforeEach(() => {
  workspace = new Folder({ "Aqmfile.ts": aqmfile(ACTION) });
  op();
});

async function load(): Promise<{ failures: readonly Failure[]; evidence: Evidence }> {
  const evidence = new Evidence();
  const loaded = await loadAqmfile(layoutOf(workspace.path, REPOSITORY), evidence);
  return { failures: loaded.ok ? [] : loaded.error, evidence };
}

describe("an action that is not what its Python op declares is refused when the graph is made", () => {
  it.each([
    ["what fits", ACTION, []],
    [
      "an optional input",
      ACTION.replace("inputs: {", 'inputs: { picture: ifThere(file("p")),'),
      [],
    ],
    [
      "a region, which is written as a file",
      ACTION.replace('committed("out/1")', 'region("out/1.md", "page")'),
      [],
    ],
    [
      "an unknown op",
      ACTION.replace("op: press", 'op: pythonOp("pres", shop)'),
      [
        [
          "There is no Python op pres: python/aqm_runner/ops/pres.json and pres.py are missing",
          "Did you mean press?",
        ],
      ],
    ],
    [
      "a mistyped input",
      ACTION.replace("{ text: file", "{ txet: file"),
      [
        [
          "The op press: there is no input txet with these params",
          "Did you mean text? python/aqm_runner/ops/press.json declares the input text.",
        ],
      ],
    ],
    [
      "an input of the other kind",
      ACTION.replace("file(", "folder("),
      [["The op press: the input text is a file, not a folder", "press.json"]],
    ],
    [
      "a required input only if it is there",
      ACTION.replace('file("in.txt")', 'ifThere(file("in.txt"))'),
      [
        [
          "the input text is taken only if it is there, but the op always needs it",
          "without ifThere",
        ],
      ],
    ],
    [
      "an output too many",
      ACTION.replace("outputs: {", 'outputs: { log: committed("out/log"),'),
      [["The op press: there is no output log with these params", "press.json"]],
    ],
    [
      "an unknown param and a missing one",
      ACTION.replace("copies:", "copis:"),
      [
        ["The op press: params lacks the key copies", "press.json"],
        ["The op press: params has no key copis", "Did you mean copies?"],
      ],
    ],
    [
      "a param with a wrong value",
      ACTION.replace("2 }", "0 }").replace('"a4"', '"a3"'),
      [
        ["The op press: params.size must be one of a4, a5", "press.json"],
        ["The op press: params.copies must be >= 1", "press.json"],
      ],
    ],
  ])("%s", async (_, action, expected) => {
    write("Aqmfile.ts", aqmfile(action));
    const { failures } = await load();
    expect(failures).toHaveLength(expected.length);
    for (const [index, [message, nextStep]] of expected.entries()) {
      expect(failures[index]).toMatchObject({
        reason: "invalid_declaration",
        message: expect.stringContaining(message ?? "") as unknown,
        nextStep: expect.stringContaining(nextStep ?? "") as unknown,
        place: { file: "Aqmfile.ts", line: 4 },
      });
    }
  });

  it("once for all actions that one line of a rule declares", async () => {
    const wrong = ACTION.replace("copies: 2", "copies: 0").replace('"out/1"', '"out/" + n');
    write(
      "Aqmfile.ts",
      aqmfile(wrong)
        .replace("build([action({", "build([1, 2, 3].map((n) => action({")
        .replace("as any)])", "as any)))"),
    );
    const { failures } = await load();
    expect(failures).toHaveLength(1);
    expect(failures[0]?.alike).toBe(2);
  });
});

describe("inputs that go by a param", () => {
  beforeEach(() => {
    const sizes = { a4: { frame: "file" }, a5: {} };
    op({ inputsBy: { size: sizes } });
  });

  it.each([
    ["a4", 'text: file("in.txt"), frame: file("f")', undefined],
    ["a4", 'text: file("in.txt")', "the input frame is missing"],
    ["a5", 'text: file("in.txt")', undefined],
    ["a5", 'text: file("in.txt"), frame: file("f")', "there is no input frame with these params"],
  ])("with %s: %s", async (size, inputs, message) => {
    const action = ACTION.replace('"a4"', `"${size}"`).replace('text: file("in.txt")', inputs);
    write("Aqmfile.ts", aqmfile(action));
    const { failures } = await load();
    expect(failures.map((failure) => failure.message)).toEqual(
      message === undefined ? [] : [`The op press: ${message}`],
    );
  });
});

describe("a declaration that is none is named as the file to edit", () => {
  const DECLARATION = "python/aqm_runner/ops/press.json";

  it.each([
    ["not JSON", "{", `${DECLARATION} is not JSON`],
    ["half of one", "{}", `${DECLARATION} is no declaration of an op: it lacks the key`],
    [
      "no schema for its params",
      JSON.stringify({
        version: 1,
        usesDevice: false,
        tools: [],
        inputs: {},
        outputs: { page: "file" },
        params: { type: "object", propertys: {} },
      }),
      `The params of ${DECLARATION} are no valid JSON Schema`,
    ],
  ])("%s", async (_, text, message) => {
    write(DECLARATION, text);
    const { failures } = await load();
    expect(failures).toHaveLength(1);
    expect(failures[0]?.message).toContain(message);
    expect(failures[0]?.place).toEqual({ file: DECLARATION });
  });

  it("missing beside its module, or its module beside it", async () => {
    fs.rmSync(join(workspace.path, DECLARATION));
    expect((await load()).failures[0]?.message).toBe(
      `The Python op press has no declaration: ${DECLARATION} is missing`,
    );
    op();
    fs.rmSync(join(workspace.path, "python/aqm_runner/ops/press.py"));
    expect((await load()).failures[0]?.message).toBe(
      "The Python op press has no module: python/aqm_runner/ops/press.py is missing",
    );
  });
});

describe("what was found right", () => {
  it("is looked at again after an edit of the declaration alone", async () => {
    const { failures, evidence } = await load();
    expect(failures).toEqual([]);
    // So the short way and a watch look at it too.
    expect(evidence.grounds.knows(join(workspace.path, "python/aqm_runner/ops/press.json"))).toBe(
      true,
    );
    op({ outputs: { page: "folder" } });
    expect((await load()).failures.map(({ message }) => message)).toEqual([
      "The op press: the output page is a folder, not a file",
    ]);
    op();
    expect((await load()).failures).toEqual([]);
  });
});

it("the types of rules are those of the declarations", () => {
  const script = join(REPOSITORY, "scripts/python-op-types.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

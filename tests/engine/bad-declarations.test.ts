import { describe, expect, it } from "vitest";
import { loadAqmfile } from "../../src/host/aqmfile/aqmfile.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import type { Failure } from "../../src/model/failure.ts";
import { sample } from "../rig/wide.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";

const AQMFILE = `import { action, build, committed, environment, file, folder, from, grid, local, pythonOp, typescriptOp } from "aqm";
const op: any = typescriptOp<any>("rules/ops/x.ts");
const declare: any = action;
const good: any = declare({ op, params: {}, inputs: {}, outputs: { text: committed("out/good") } });
`;

/** All that is wrong with an Aqmfile whose fifth line is `line`; types are no obstacle to JavaScript. */
async function mistakes(line: string): Promise<readonly Failure[]> {
  const folder = new Folder({ "Aqmfile.ts": `${AQMFILE}${line}\n`, "rules/ops/x.ts": "" });
  const loaded = await loadAqmfile(layoutOf(folder.path, REPOSITORY), new Evidence());
  return loaded.ok ? [] : loaded.error;
}

const one = (rest: string): string =>
  `export default build([declare({ op, params: {}, inputs: {}, outputs: { text: committed("out/a") }, ${rest} })]);`;

/** Likewise of a Python op. */
const measured = (rest: string): string =>
  one(`op: { declaration: { runtime: "python", name: "x", environment: "e" } }, ${rest}`);

describe("a malformed declaration is named with its line", () => {
  it.each([
    [
      "a batch apart in what the action does not have",
      measured('params: { size: 1 }, inputs: { plan: file("p") }, batch: { apart: ["plam"] }'),
      /sets apart the text "plam", which is none of its params and inputs$/,
    ],
    [
      "a batch apart in a param and an input of one name",
      measured('params: { plan: 1 }, inputs: { plan: file("p") }, batch: { apart: ["plan"] }'),
      /sets apart the text "plan", which is both a param and an input$/,
    ],
    [
      "a batch alike in what is no text",
      measured("batch: { apart: [], alike: 4 }"),
      /makes members of a batch alike is no text$/,
    ],
    [
      "a batch apart in what every object has",
      measured('batch: { apart: ["toString"] }'),
      /sets apart the text "toString", which is none of its params and inputs$/,
    ],
    [
      "an action of text",
      'export default build([declare("x")]);',
      /^action\(…\) was given the text "x"$/,
    ],
    ["an action of nothing", "export default build([declare(undefined)]);", /was given undefined/],
    ["no op", one("op: undefined"), /^The op of an action is undefined$/],
    ["an op that is a path", one('op: "rules/ops/x.ts"'), /^The op of an action is the text/],
    ["params undefined", one("params: undefined"), /^The params of an action are undefined$/],
    ["params a list", one("params: [1]"), /^The params of an action are a list$/],
    ["inputs null", one("inputs: null"), /^The inputs of an action are null$/],
    ["an input undefined", one("inputs: { a: undefined }"), /^The input a is undefined$/],
    ["an input that is a path", one('inputs: { a: "x" }'), /^The input a is the text "x"$/],
    ["an input that is an action", one("inputs: { a: good }"), /^The input a is an object$/],
    [
      "an output that is a path",
      one('outputs: { x: "path" }'),
      /^The output x is the text "path"$/,
    ],
    ["an output that is an input", one('outputs: { x: file("a") }'), /^The output x is an object$/],
    ["outputs undefined", one("outputs: undefined"), /^The outputs of an action are undefined$/],
    ["no outputs", one("outputs: {}"), /declares no output/],
    ["half a slot", one("resources: { cpu: 0.5 }"), /^The resource cpu is 0\.5$/],
    ["no memory at all", one("resources: { memoryBytes: 0 }"), /^The resource memoryBytes is 0$/],
    [
      "no device to share work out over",
      one("resources: { gpu: 1, upToGpus: 0 }"),
      /^The resource upToGpus is 0$/,
    ],
    [
      "devices to share work out over, and none that is needed",
      one("resources: { upToGpus: 4 }"),
      /^The resource upToGpus is 4$/,
    ],
    [
      "one word to prepare, without a list",
      one('prepares: "fp8"'),
      /^What an action prepares is the text "fp8", not a list$/,
    ],
    [
      "an option instead of a word to prepare",
      one('prepares: ["--only"]'),
      /^An action prepares the text "--only", which is no word$/,
    ],
    [
      "time as text",
      one('resources: { seconds: "1 h" }'),
      /^The resource seconds is the text "1 h"$/,
    ],
    [
      "a mistyped resource",
      one("resources: { memoryByte: 1e9 }"),
      /^The resources of an action have no memoryByte$/,
    ],
    [
      "growth by a count that is not in work",
      one(
        'expected: { gpuSeconds: [1, 60], because: "a guess", work: { steps: 1 }, growth: { fixedSeconds: 1, secondsEach: { stpes: 1 } } }',
      ),
      /^The growth of an action's expected cost is not seconds, by the names of its work$/,
    ],
    [
      "an expected cost without an end",
      one('expected: { gpuSeconds: [1, Infinity], because: "a guess" }'),
      /^The expected cost of an action is not a range of finite numbers with a reason$/,
    ],
    [
      "less time than is expected",
      one('resources: { seconds: 30 }, expected: { gpuSeconds: [1, 60], because: "a guess" }'),
      /^An action is expected to take up to 60 s, and its resources ask for 30$/,
    ],
    [
      "resources as text",
      one('resources: "gpu"'),
      /^The resources of an action are the text "gpu"$/,
    ],
    [
      "resumable without bounds",
      measured("resumable: {}"),
      /^The resumable of an action names no list of bounds$/,
    ],
    [
      "a TypeScript op that is resumable",
      one("resumable: { bounds: [] }"),
      /^Only actions of Python ops are resumable$/,
    ],
    [
      "a bound that is no param",
      measured('resumable: { bounds: ["most"] }'),
      /^The resumable of an action bounds the text "most", which is not one of its params$/,
    ],
    [
      "a bound that is no count",
      measured('params: { seconds: 0.5 }, resumable: { bounds: ["seconds"] }'),
      /^The bound seconds of a resumable action is a number, not a count of items$/,
    ],
    [
      "file(undefined)",
      one("inputs: { a: file(undefined as any) }"),
      /^file takes a path as text, not undefined$/,
    ],
    [
      "committed(1)",
      one("outputs: { a: committed(1 as any) }"),
      /^committed takes a path as text, not a number$/,
    ],
    [
      "patterns as text",
      one('inputs: { a: folder("d", { include: "*.txt" as any }) }'),
      /^include takes a list of patterns/,
    ],
    [
      "from(undefined)",
      one('inputs: { a: from(undefined as any, "text") }'),
      /^from\(…\) was given undefined$/,
    ],
    [
      "from with a wrong role",
      one('inputs: { a: from(good, "txt") }'),
      /asks for the output txt, which that action does not have$/,
    ],
    [
      "typescriptOp(undefined)",
      "export default build([typescriptOp<any>(undefined as any)]);",
      /^typescriptOp takes a path/,
    ],
    [
      "an environment without a lock",
      'export default build([pythonOp("x", environment({ name: "n", requirements: "r" } as any)) as any]);',
      /^The lock of an environment is undefined$/,
    ],
    [
      "an environment whose Python is a number",
      'export default build([pythonOp("x", environment({ name: "n", requirements: "r", lock: "l", python: 3.11 } as any)) as any]);',
      /^The oldest Python of an environment is a number$/,
    ],
    [
      "an environment that is large in words",
      'export default build([pythonOp("x", environment({ name: "n", requirements: "r", lock: "l", large: "9 GB" } as any)) as any]);',
      /^Whether an environment is large is the text "9 GB"$/,
    ],
    [
      "build(undefined)",
      "export default build(undefined as any);",
      /^build\(…\) was given undefined/,
    ],
    [
      "build of a hole",
      "export default build([good, undefined as any, good]);",
      /^build\(…\) was given undefined/,
    ],
    [
      "build of text",
      'export default build(["out/a" as any]);',
      /^build\(…\) was given the text "out\/a"/,
    ],
    [
      "build of a promise",
      "export default build([Promise.resolve(good) as any]);",
      /^build\(…\) was given a promise/,
    ],
    ["build of an object", "export default build([{} as any]);", /^build\(…\) was given an object/],
    [
      "defaults as text",
      'export default build([good], { defaults: "out" as any });',
      /^The defaults of build/,
    ],
    [
      "an axis that is no list",
      'export default build([grid({ size: "small" as any }, () => good)]);',
      /^The axis size of grid\(…\) is the text "small"$/,
    ],
    ["a thrown text", 'throw "no";', /^The Aqmfile threw an error: no$/],
    ["nothing thrown", "throw undefined;", /^The Aqmfile threw an error: undefined$/],
  ])("%s", async (_what, line, message) => {
    const [failure, ...others] = await mistakes(line);
    expect(others).toEqual([]);
    expect(failure?.message).toMatch(message);
    expect(failure?.place?.file).toBe("Aqmfile.ts");
    if (!line.startsWith("throw")) expect(failure?.place?.line).toBe(5);
    expect(failure?.nextStep).not.toBe("");
  });

  it("from(…) with a wrong role gets the nearest right one", async () => {
    expect((await mistakes(one('inputs: { a: from(good, "txt") }')))[0]?.nextStep).toBe(
      "Did you mean text?",
    );
  });

  it.each(sample(["good", "null", "undefined", '"x"', "() => 1", "{ actions: 1 }"]))(
    "a default export of %s",
    async (value) => {
      const [failure] = await mistakes(`export default ${value} as any;`);
      expect(failure?.message).toContain("does not export what build(…) returns");
    },
  );

  it.each(
    sample(
      [
        ["undefined", "params.x is undefined"],
        ["() => 1", "params.x is a function"],
        ["new Date(0)", "params.x is a Date"],
        ["new (class Size {})()", "params.x is a Size"],
        ["1n", "params.x is a bigint"],
        ["Symbol()", "params.x is a symbol"],
        ["[1, [NaN]]", "params.x[1][0] is NaN"],
        ["[1, , 2]", "params.x[1] is undefined"],
        ["{ [Symbol()]: 1 }", "params.x is keyed by a symbol"],
        ['{ "\\ud800": 1 }', "params.x is keyed by half a character"],
        [
          "(() => { const a: any = {}; a.b = [a]; return a; })()",
          "params.x.b[0] is an object that contains itself",
        ],
        [
          "(() => { let a: any = 1; for (let i = 0; i < 1e5; i++) a = [a]; return a; })()",
          "is more than 200 levels deep",
        ],
      ],
      5,
    ),
  )("params with %s", async (value, message) => {
    const [failure] = await mistakes(one(`params: { x: ${value} as any }`));
    expect(failure).toMatchObject({
      reason: "invalid_declaration",
      target: "out/a",
      place: { file: "Aqmfile.ts", line: 5 },
    });
    expect(failure?.message).toContain(message);
    expect(failure?.message).toContain("which JSON cannot hold");
  });
});

describe("names that are one name on another disk are refused", () => {
  const outputs = (...paths: readonly string[]): string =>
    `export default build([${paths.map((path) => `declare({ op, params: {}, inputs: {}, outputs: { x: committed(${JSON.stringify(path)}) } })`).join()}]);`;

  it.each(
    sample(
      [
        ["by case", ["out/A.txt", "out/a.txt"]],
        ["by Unicode form", ["out/\u00e9.txt", "out/e\u0301.txt"]],
        ["by both", ["out/\u00c9.txt", "out/e\u0301.txt"]],
        ["by a folder that one of them is", ["Out", "out/a.txt"]],
      ],
      2,
    ),
  )("outputs that differ %s", async (_what, paths) => {
    const [failure, ...others] = await mistakes(outputs(...paths));
    expect(others).toEqual([]);
    expect(failure).toMatchObject({
      reason: "overlapping_output",
      place: { file: "Aqmfile.ts", line: 5 },
    });
    expect(failure?.message).toContain(paths[0]);
    expect(failure?.message).toContain(paths[1]);
  });

  it.each(sample(["Out/a/in-it", "OUT/a", "out/A"]))(
    "a source %s and the output out/a",
    async (source) => {
      const [failure] = await mistakes(one(`inputs: { s: file("${source}") }`));
      expect(failure?.message).toContain(`The source ${source} and the output out/a are one file`);
    },
  );

  it("but not folders that only hold different things, nor sources among themselves", async () => {
    expect(await mistakes(outputs("Out/a.txt", "out/b.txt"))).toEqual([]);
    expect(await mistakes(one('inputs: { a: file("data/x"), b: file("Data/X") }'))).toEqual([]);
  });
});

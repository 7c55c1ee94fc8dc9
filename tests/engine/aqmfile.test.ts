import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { loadAqmfile, type LoadedAqmfile } from "../../src/host/aqmfile/aqmfile.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import type { Failure } from "../../src/model/failure.ts";
import { failureText } from "../../src/ui/format.ts";
import { NO_COLOURS } from "../../src/ui/reporter.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";
import { errorOf, only, valueOf } from "./support/results.ts";

/** A rule that declares one copy, for Aqmfiles that call it. */
const RULE = `import { action, committed, configuration, file, typescriptOp } from "aqm";
export const copy = (from: string, to: string, size = 1) =>
  action({
    op: typescriptOp<any>("ops/copy.ts"),
    params: { size },
    inputs: { from: file(from) },
    outputs: { to: committed(to) },
  });
export const sized = (name: string) =>
  copy("s", "out/" + name, configuration<{ size: number }>("paper", name).size);
`;

const CONF = {
  "conf/schema/paper.schema.json":
    '{ "type": "object", "properties": { "size": { "type": "integer" } } }',
  "conf/paper/a4.yaml": "size: 4\n",
};

const workspace = (aqmfile: string, more: Readonly<Record<string, string>> = {}): Folder =>
  new Folder({ "Aqmfile.ts": aqmfile, "rules/copy.ts": RULE, ...CONF, ...more });

const load = (folder: Folder) => loadAqmfile(layoutOf(folder.path, REPOSITORY), new Evidence());
const loaded = async (folder: Folder): Promise<LoadedAqmfile> => valueOf(await load(folder));
const mistakes = async (aqmfile: string): Promise<readonly Failure[]> =>
  errorOf(await load(workspace(aqmfile)));
const failure = async (aqmfile: string): Promise<Failure> => only(await mistakes(aqmfile));

const HEAD =
  'import { build, configuration, grid, from } from "aqm";\nimport { copy, sized } from "./rules/copy.ts";\n';

describe("an Aqmfile", () => {
  it("becomes a graph, producers of producers included", async () => {
    const folder = workspace(`${HEAD}
      const a = copy("s", "out/a");
      const b = { ...copy("out/a", "out/b"), producers: [a] };
      export default build([b], { defaults: ["out/b"] });
    `);
    const { graph, environments } = await loaded(folder);
    expect(graph.actions.map(({ id }) => id)).toEqual(["out/a", "out/b"]);
    expect(graph.defaults).toEqual(["out/b"]);
    expect(environments).toEqual([]);
  });

  it("crosses axes with grid, the last one fastest", async () => {
    const folder = workspace(`${HEAD}
      export default build(grid({ x: [1, 2], y: ["a", "b"] }, ({ x, y }) => copy("s", \`out/\${x}\${y}\`)));
    `);
    const ids = (await loaded(folder)).graph.actions.map(({ id }) => id);
    expect(ids).toEqual(["out/1a", "out/1b", "out/2a", "out/2b"]);
  });

  it("gets the checked values of its configs", async () => {
    const { graph } = await loaded(workspace(`${HEAD}export default build(sized("a4"));`));
    expect(only(graph.actions).declaration.params).toEqual({ size: 4 });
  });

  it("names every file that it depends on, for watching", async () => {
    const folder = workspace(`${HEAD}export default build(copy("s", "out/a"));`);
    const { files } = await loaded(folder);
    for (const path of ["Aqmfile.ts", "rules/copy.ts", "conf/paper/a4.yaml"]) {
      expect(files).toContain(folder.at(path));
    }
  });
});

describe("loading it again", () => {
  const text = `${HEAD}export default build(copy("s", "out/a"));`;
  const compiled = (folder: Folder): string[] =>
    fs.readdirSync(folder.at(".aqm/compiled")).filter((name) => /^aqmfile-.*\.mjs$/.test(name));

  it("takes the compiled one while no module changed", async () => {
    const folder = workspace(text);
    await loaded(folder);
    while (folder.read(".aqm/compiled/aqmfile.json").includes("racy")) await loaded(folder);
    const { ino } = fs.statSync(folder.at(".aqm/compiled/aqmfile.json"));
    await loaded(folder);
    expect(fs.statSync(folder.at(".aqm/compiled/aqmfile.json")).ino).toBe(ino);
  });

  it("never runs a compiled one that is not what was compiled", async () => {
    const folder = workspace(text);
    await loaded(folder);
    const module = `.aqm/compiled/${only(compiled(folder))}`;
    folder.write(module, folder.read(module).replace("out/a", "out/b"));
    expect(only((await loaded(folder)).graph.actions).id).toBe("out/a");
    expect(folder.read(module)).toContain("out/a");
  });

  it("compiles anew after an edit of the Aqmfile or of a rule", async () => {
    const folder = workspace(text);
    await loaded(folder);
    folder.write("Aqmfile.ts", text.replace("out/a", "out/edited"));
    expect(only((await loaded(folder)).graph.actions).id).toBe("out/edited");
    folder.write("rules/copy.ts", RULE.replace("committed(to)", 'committed(to + ".md")'));
    expect(only((await loaded(folder)).graph.actions).id).toBe("out/edited.md");
  });

  it("sees a config that changed although nothing was compiled", async () => {
    const folder = workspace(`${HEAD}export default build(sized("a4"));`);
    await loaded(folder);
    folder.write("conf/paper/a4.yaml", "size: 44\n");
    expect(only((await loaded(folder)).graph.actions).declaration.params).toEqual({ size: 44 });
  });

  it("survives a damaged cache", async () => {
    const folder = workspace(text);
    await loaded(folder);
    folder.write(".aqm/compiled/aqmfile.json", "{");
    expect(only((await loaded(folder)).graph.actions).id).toBe("out/a");
  });
});

describe("a mistake is shown with its place", () => {
  it("when there is no Aqmfile", async () => {
    expect(only(errorOf(await load(new Folder()))).reason).toBe("no_aqmfile");
  });

  it("when the syntax is wrong", async () => {
    expect(await failure(`${HEAD}export default build(copy("s" "out/a"));`)).toMatchObject({
      reason: "aqmfile_syntax",
      place: { file: "Aqmfile.ts", line: 3, column: 31 },
    });
  });

  it("when the syntax of a rule is wrong", async () => {
    const folder = workspace(`${HEAD}export default build(copy("s", "out/a"));`, {
      "rules/copy.ts": "\nexport const = 1;",
    });
    expect(only(errorOf(await load(folder)))).toMatchObject({
      reason: "aqmfile_syntax",
      place: { file: "rules/copy.ts", line: 2, column: 14 },
    });
  });

  it("when a module does not exist", async () => {
    const found = await failure('import "./rules/none.ts";\nexport default 1;');
    expect(found).toMatchObject({ place: { file: "Aqmfile.ts", line: 1, column: 8 } });
    expect(found.message).toContain("./rules/none.ts");
  });

  it("when a config name is wrong: the line of the rule, that of the Aqmfile, and the nearest name", async () => {
    expect(await failure(`${HEAD}\nexport default build(sized("a44"));`)).toMatchObject({
      reason: "unknown_name",
      message: "There is no conf/paper/a44.yaml",
      nextStep: "Did you mean a4?",
      place: { file: "rules/copy.ts", line: 10, from: { file: "Aqmfile.ts", line: 4 } },
    });
    expect(await failure(`${HEAD}configuration("papre", "a4");`)).toMatchObject({
      message: "There is no config group conf/papre",
      nextStep: "Did you mean paper?",
      place: { file: "Aqmfile.ts", line: 3 },
    });
  });

  it("when two actions make one path: the line of the rule, and both of the Aqmfile", async () => {
    const found = await failure(`${HEAD}
const one = copy("s", "out/a");
const two = copy("t", "out/a");
export default build([one, two]);`);
    expect(found).toMatchObject({
      reason: "duplicate_output",
      place: { file: "rules/copy.ts", line: 3, from: { file: "Aqmfile.ts", line: 5 } },
    });
    expect(found.cause).toBe(
      "The other one is declared at rules/copy.ts:3, called at Aqmfile.ts:4.",
    );
  });

  it("once, however many cells of a grid make it", async () => {
    const [found, ...others] = await mistakes(`${HEAD}
const sizes = Array.from({ length: 25 }, (_, size) => size);
export default build([
  grid({ a: sizes, b: sizes, c: [1, 2] }, ({ a }) => copy("s" + a, "out/same")),
  grid({ a: [1, 2, 3] }, ({ a }) => copy("s", "out/" + a, a / 0)),
]);`);
    expect(others.map(({ alike, message }) => [alike, message])).toEqual([
      [2, "params.size is Infinity, which JSON cannot hold"],
    ]);
    expect(failureText(found as Failure, NO_COLOURS)).toBe(`\
error rules/copy.ts:3:3: Two actions make out/same
  from    Aqmfile.ts:6:54
  target  out/same
  cause   The other one is declared at rules/copy.ts:3, called at Aqmfile.ts:6.
  next    Two cells of a grid probably lead to the same path: put the axis that tells them apart into it.
  and 1,248 more like it`);
  });

  it("with the line of the Aqmfile behind rules that call rules, and behind await", async () => {
    const deep = `import { copy } from "./copy.ts";
export const deep = (left: number): unknown => (left === 0 ? copy("", "out/a") : deep(left - 1));
export const later = async (): Promise<unknown> => {
  await null;
  return deep(0);
};
`;
    for (const call of ["deep(20)", "await later()"]) {
      const text = `import { build } from "aqm";\nimport { deep, later } from "./rules/deep.ts";\n\nexport default build([${call} as any]);`;
      const found = only(errorOf(await load(workspace(text, { "rules/deep.ts": deep }))));
      expect(found).toMatchObject({
        message: 'The path "" is empty',
        place: { file: "rules/copy.ts", line: 3, from: { file: "Aqmfile.ts", line: 4 } },
      });
    }
  });

  it("when it throws", async () => {
    const found = await failure(`${HEAD}
const nothing: any = undefined;
export default build(nothing.at(0));`);
    expect(found).toMatchObject({
      reason: "aqmfile_failed",
      place: { file: "Aqmfile.ts", line: 5 },
    });
    expect(found.message).toContain("Cannot read properties of undefined");
  });

  it("when a rule forgets to return what it declares", async () => {
    expect(await failure(`${HEAD}\nexport default build([undefined as any]);`)).toMatchObject({
      reason: "invalid_declaration",
      place: { file: "Aqmfile.ts", line: 4 },
      nextStep: "A rule probably forgot to return what it declares.",
    });
  });

  it("when it exports nothing, or something else", async () => {
    for (const text of [HEAD, "export default 1;", "export default {};"]) {
      expect(await failure(text)).toMatchObject({
        reason: "aqmfile_failed",
        place: { file: "Aqmfile.ts" },
      });
    }
  });

  it("when a config is wrong, before anything is evaluated", async () => {
    const folder = workspace('throw new Error("evaluated");', {
      "conf/paper/a4.yaml": "size: big\n",
    });
    expect(only(errorOf(await load(folder))).reason).toBe("config_invalid");
  });

  it("and nothing but .aqm was written", async () => {
    const folder = workspace(`${HEAD}export default build(sized("a44"));`);
    const before = fs.readdirSync(folder.path);
    await load(folder);
    expect(fs.readdirSync(folder.path).filter((name) => name !== ".aqm")).toEqual(before);
  });
});

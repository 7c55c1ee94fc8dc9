import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { readCache, writeCache } from "../../src/host/disk/disk.ts";
import { loadConfiguration, type Configuration } from "../../src/host/aqmfile/configuration.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import type { Failure } from "../../src/model/failure.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";
import { errorOf, only, valueOf } from "./support/results.ts";

const SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["size"],
  properties: {
    size: { type: "integer" },
    name: { type: "string" },
    colour: { enum: ["red", "green"] },
    nested: {
      type: "object",
      additionalProperties: false,
      properties: { depth: { type: "number" } },
    },
  },
};

const workspace = (yaml: string): Folder =>
  new Folder({
    "conf/schema/paper.schema.json": JSON.stringify(SCHEMA),
    "conf/paper/a4.yaml": yaml,
  });
const load = (folder: Folder) =>
  loadConfiguration(layoutOf(folder.path, REPOSITORY), new Evidence());
const groups = async (folder: Folder): Promise<Configuration["groups"]> =>
  valueOf(await load(folder)).groups;
const failures = async (folder: Folder): Promise<readonly Failure[]> => errorOf(await load(folder));

describe("configuration", () => {
  it("is every checked YAML file by group and name", async () => {
    const folder = workspace("size: 1\nnested:\n  depth: 0.5\n");
    folder.write("conf/paper/a5.yaml", "{ size: 2, colour: red }");
    folder.write("conf/paper/notes.txt", "not a config");
    expect(await groups(folder)).toEqual({
      paper: { a4: { size: 1, nested: { depth: 0.5 } }, a5: { size: 2, colour: "red" } },
    });
  });

  it("is not what editors and systems leave beside the files", async () => {
    const folder = workspace("size: 1");
    for (const name of ["._a4.yaml", ".a4.yaml.swp", "a4.yaml~", "#a4.yaml#", ".DS_Store", "4913"])
      folder.write(`conf/paper/${name}`, "\0: [");
    folder.write("conf/.git/x.yaml", "\0: [");
    fs.symlinkSync("me@host.123:1", folder.at("conf/paper/.#a4.yaml"));
    expect(await groups(folder)).toEqual({ paper: { a4: { size: 1 } } });
  });

  it("is the same after an edit of comments and layout", async () => {
    const folder = workspace("size: 1\ncolour: red\n");
    const before = await groups(folder);
    folder.write("conf/paper/a4.yaml", "# about the size\ncolour: 'red' # warm\n\nsize: 1\n");
    expect(await groups(folder)).toEqual(before);
  });

  it("is read anew after an edit, a new file, and a removed one", async () => {
    const folder = workspace("size: 1\n");
    await groups(folder);
    folder.write("conf/paper/a4.yaml", "size: 22\n");
    folder.write("conf/paper/a5.yaml", "size: 3\n");
    expect(await groups(folder)).toEqual({ paper: { a4: { size: 22 }, a5: { size: 3 } } });
    folder.remove("conf/paper/a4.yaml");
    expect(await groups(folder)).toEqual({ paper: { a5: { size: 3 } } });
  });

  it("comes from the cache while nothing changed, and survives a damaged one", async () => {
    const folder = workspace("size: 1\n");
    await groups(folder);
    const cache = ".aqm/compiled/conf.json";
    // A file that was written a clock tick ago is not believed to stay as it is.
    while (folder.read(cache).includes("racy")) await groups(folder);
    const sealed = JSON.stringify(readCache(folder.at(cache)));
    writeCache(folder.at(cache), JSON.parse(sealed.replace('"size":1', '"size":42')) as object);
    expect(await groups(folder)).toEqual({ paper: { a4: { size: 42 } } });
    folder.write(cache, folder.read(cache).replace('"size":42', '"size":43')); // no longer sealed
    expect(await groups(folder)).toEqual({ paper: { a4: { size: 1 } } });
    folder.write(cache, "{");
    expect(await groups(folder)).toEqual({ paper: { a4: { size: 1 } } });
  });

  it("is nothing where there is no conf folder", async () => {
    expect(await groups(new Folder())).toEqual({});
  });
});

describe("mistakes in a config", () => {
  const place = (line: number, column: number) => ({ file: "conf/paper/a4.yaml", line, column });

  it("in its YAML are shown with line and column", async () => {
    const failure = (await failures(workspace("size: 1\ncolour: [red\n")))[0];
    expect(failure).toMatchObject({
      reason: "config_invalid",
      place: { file: "conf/paper/a4.yaml" },
    });
    expect(failure?.place?.line).toBeGreaterThanOrEqual(2);
    expect(failure?.message).toContain("conf/paper/a4.yaml is not valid YAML");
  });

  it("a key twice", async () => {
    const failure = only(await failures(workspace("size: 1\ncolour: red\nsize: 2\n")));
    expect(failure).toMatchObject({ place: place(3, 1) });
    expect(failure.message).toContain("unique");
  });

  it("a name that another config of the group has, told of the copy", async () => {
    const folder = workspace("name: a4\nsize: 1\n");
    folder.write("conf/paper/a3.yaml", "name: a4\nsize: 2\n");
    expect(only(await failures(folder))).toMatchObject({
      message: "name is a4, which conf/paper/a4.yaml has as well",
      place: { file: "conf/paper/a3.yaml" },
    });
  });

  it("an unknown key: which, where, and what was meant", async () => {
    const failure = only(await failures(workspace("size: 1\ncolor: red\n")));
    expect(failure).toMatchObject({
      message: "has no key color",
      place: place(2, 1),
      nextStep: "Did you mean colour?",
    });
  });

  it("an unknown key that is like none: which keys there are", async () => {
    const failure = only(await failures(workspace("size: 1\nwatermark: red\n")));
    expect(failure.nextStep).toMatch(/^Take one of its keys: .*size.*colour/);
  });

  it("an unknown key deep inside", async () => {
    const failure = only(await failures(workspace("size: 1\nnested:\n  dept: 3\n")));
    expect(failure).toMatchObject({
      message: "nested has no key dept",
      place: place(3, 3),
      nextStep: "Did you mean depth?",
    });
  });

  it("a value that is not among the allowed ones", async () => {
    const failure = only(await failures(workspace("size: 1\ncolour: blue\n")));
    expect(failure).toMatchObject({
      message: "colour must be one of red, green",
      place: place(2, 9),
    });
  });

  it("a value of another type, and a missing key", async () => {
    expect(only(await failures(workspace("size: big\n")))).toMatchObject({
      message: "size must be integer",
      place: place(1, 7),
    });
    expect(only(await failures(workspace("colour: red\n")))).toMatchObject({
      message: "lacks the key size",
      place: place(1, 1),
    });
  });

  it.each(["", "- a\n- b\n", "just text\n", "null\n"])(
    "something without keys: %j",
    async (yaml) => {
      expect(only(await failures(workspace(yaml))).message).toContain("must hold keys and values");
    },
  );

  it("a group without a schema, and a schema that is none", async () => {
    const folder = workspace("size: 1\n");
    folder.remove("conf/schema/paper.schema.json");
    expect(only(await failures(folder)).message).toBe("The config group paper has no schema");
    folder.write("conf/schema/paper.schema.json", '{ "type": "nonsense" }');
    expect(only(await failures(folder)).message).toContain("is not a valid JSON Schema");
  });

  it("are reported all together, and are found again the next time", async () => {
    const folder = workspace("size: big\ncolor: red\n");
    folder.write("conf/paper/a5.yaml", "size: {}\n");
    expect(await failures(folder)).toHaveLength(3);
    expect(await failures(folder)).toHaveLength(3);
  });
});

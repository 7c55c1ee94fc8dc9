import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { sample, WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";

const CONFIG =
  '{ "model_type": "qwen3_vl", "dtype": "float32", "vision_config": { "depth": 2 } }\n';
const REPORT = "models/tiny/layer-analysis/weight-fp8-act-fp8/tiny_autoquant_wfp8_afp8_lm_small";

const made: TestWorkspace[] = [];
afterEach(() => {
  for (const workspace of made.splice(0)) workspace.remove();
});

function folder(files: Readonly<Record<string, string>> = {}): TestWorkspace {
  const workspace = TestWorkspace.create({ "weights/tiny/config.json": CONFIG, ...files });
  made.push(workspace);
  return workspace;
}

const init = (workspace: TestWorkspace, ...args: readonly string[]) =>
  workspace.aqm(["init", "--yes", ...args]);

describe("aqm init", () => {
  it("makes an empty folder a workspace whose plan has a report of the model", async () => {
    const workspace = folder();
    const { code, stdout, stderr } = await init(workspace, "--model", "weights/tiny");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toContain("wrote   Aqmfile.ts\nwrote   conf/model/tiny.yaml\n");
    expect(workspace.read("conf/model/tiny.yaml")).toContain(
      'family: qwen3_vl\nimages: true\ncheckpoint: "weights/tiny"\ndtype: float32\n',
    );
    expect(fs.readdirSync(workspace.path("conf"))).toEqual(["model"]);
    const plan = await workspace.aqm(["build", "--dry-run"]);
    expect(plan.code).toBe(0);
    expect(plan.stdout).toContain(`run      ${REPORT}/per-layer-sensitivity.md`);
  });

  it.runIf(WIDE)("takes a model of text alone, and says that it has one scope", async () => {
    const config = '{ "model_type": "llama", "torch_dtype": "bfloat16" }';
    const workspace = folder({ "weights/Llama-1B/config.json": config });
    const { code, stdout } = await init(workspace, "--model", "weights/Llama-1B");
    expect(code).toBe(0);
    expect(stdout).toContain("reads no images, so that it has the scope lm alone");
    expect(workspace.read("conf/model/llama_1b.yaml")).toContain("family: llama\nimages: false\n");
    expect((await workspace.aqm(["build", "--dry-run"])).code).toBe(0);
    workspace.edit("Aqmfile.ts", 'scopes: ["lm"]', 'scopes: ["lm", "all_layers"]');
    const refused = await workspace.aqm(["build", "--dry-run"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(
      "llama_1b reads no images (images: false in conf/model/llama_1b.yaml), so that it has the scope lm alone; take all_layers out of the scopes",
    );
  });

  it("leaves what a repository has: lines are added to .gitignore, and no other file changes", async () => {
    const files = {
      ".gitignore": "build/\n/.aqm/",
      "package.json": '{ "name": "theirs" }\n',
      "pyproject.toml": '[project]\nname = "theirs"\n',
      "src/a.ts": "export {};\n",
    };
    const workspace = folder(files);
    const { code, stdout } = await init(workspace, "--model", "weights/tiny");
    expect(code).toBe(0);
    expect(stdout).toContain("added   to .gitignore");
    expect(workspace.read(".gitignore")).toMatch(/^build\/\n\/\.aqm\/\nnode_modules\/\n/);
    expect(workspace.read(".gitignore").match(/\.aqm/g)).toHaveLength(1);
    for (const path of ["package.json", "pyproject.toml", "src/a.ts"] as const)
      expect(workspace.read(path)).toBe(files[path]);
  });

  it("writes nothing where a file would be overwritten, and overwrites it with --force", async () => {
    const workspace = folder({ "Aqmfile.ts": "export default 1;\n" });
    const refused = await init(workspace, "--model", "weights/tiny");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("Aqmfile.ts is there already; nothing was written");
    expect(workspace.exists("conf")).toBe(false);
    expect((await init(workspace, "--model", "weights/tiny", "--force")).code).toBe(0);
    expect(workspace.read("Aqmfile.ts")).toContain("analyses(");
    const again = await init(workspace, "--model", "weights/tiny");
    expect(again.stdout).toContain("kept    Aqmfile.ts, which was there");
  });

  it("links a model that lies elsewhere, and never puts a link in a folder's place", async () => {
    const elsewhere = folder();
    const workspace = folder();
    const model = elsewhere.path("weights/tiny");
    expect((await init(workspace, "--model", model)).code).toBe(0);
    expect(fs.readlinkSync(workspace.path("models/tiny/checkpoints/tiny"))).toBe(model);
    const other = folder({ "models/tiny/checkpoints/tiny/notes.txt": "mine\n" });
    const { code, stderr } = await init(other, "--model", model, "--force");
    expect(code).toBe(2);
    expect(stderr).toContain("models/tiny/checkpoints/tiny is there already");
    expect(other.read("models/tiny/checkpoints/tiny/notes.txt")).toBe("mine\n");
  });

  it.runIf(WIDE)(
    "counts the images of a data folder, so that calibration and held-out sets fit",
    async () => {
      const images = (count: number): string =>
        JSON.stringify({ images: Array.from({ length: count }, (_, id) => ({ id })) });
      const workspace = folder({
        "shots/annotations/captions_train2017.json": images(50),
        "shots/annotations/captions_val2017.json": images(10),
      });
      const { code } = await init(workspace, "--model", "weights/tiny", "--data", "shots");
      expect(code).toBe(0);
      const config = workspace.read("conf/dataset/shots.yaml");
      expect(config).toContain("full_samples: 30\n");
      expect(config).toContain("sizes: { small: 16, medium: 30, large: 30 }\n");
      expect(config).toContain("sizes: { search: 10, confirm: 10, report: 10 }\n");
      expect((await workspace.aqm(["build", "--dry-run"])).code).toBe(0);
    },
  );

  const text = (count: number): string =>
    Array.from({ length: count }, (_, n) => `Text ${n}\n`).join("");
  const rows = (row: (n: number) => object): string =>
    Array.from({ length: 8 }, (_, n) => `${JSON.stringify(row(n))}\n`).join("");
  const chats = rows((id) => ({ id, talk: [{ role: "user", content: "a" }] }));
  const known: [string, Record<string, string>, string, string, number][] = [
    ["a file of texts", { "a.txt": text(60) }, "a.txt", '{ lines: "a.txt" }', 30],
    ["a folder of texts", { "t/a.txt": text(60) }, "t", '{ lines: "t/" }', 30],
    [
      "JSON lines",
      { "a.jsonl": rows((id) => ({ id, body: "a" })) },
      "a.jsonl",
      '{ json_lines: "a.jsonl", field: "body" }',
      4,
    ],
    ["chats", { "a.jsonl": chats }, "./a.jsonl", '{ json_lines: "a.jsonl", messages: "talk" }', 4],
    ["Parquet", { "a.parquet": "" }, "a.parquet", '{ parquet: "a.parquet", field: text }', 128],
    ["a folder of Parquet", { "p/a.parquet": "" }, "p/", '{ parquet: "p/", field: text }', 128],
    [
      "a clone of the hub",
      { "c/data/test-00000-of-00001.parquet": "", "c/data/train-00000-of-00001.parquet": "" },
      "c",
      '{ hugging_face: "c", split: train, field: text }',
      128,
    ],
    [
      "a saved data set",
      {
        "s/dataset_dict.json": '{ "splits": ["test", "train"] }',
        "s/train/dataset_info.json": '{ "splits": { "train": { "num_examples": 500 } } }',
      },
      "s",
      '{ hugging_face: "s", split: train, field: text }',
      250,
    ],
    [
      "listed images",
      { "i/metadata.jsonl": rows((n) => ({ file_name: `${n}.jpg`, caption: "x" })) },
      "i",
      '{ image_text: "i", field: "caption" }',
      4,
    ],
    [
      "images beside texts",
      { "i/a.jpg": "", "i/b.jpg": "", "i/c.jpg": "", "i/d.jpg": "", "i/a.txt": "x" },
      "i",
      '{ image_text: "i" }',
      2,
    ],
    [
      // More than is looked at: the rest of the file may have any number of lines.
      "a first line of 17 MB",
      { "a.txt": `${"word ".repeat(3_400_000)}\n` },
      "a.txt",
      '{ lines: "a.txt" }',
      128,
    ],
  ];
  it.each(sample(known))("knows %s", async (_what, files, data, source, samples) => {
    const workspace = folder(files);
    const { code } = await init(workspace, "--model", "weights/tiny", "--data", data);
    expect(code).toBe(0);
    const [config = ""] = fs.readdirSync(workspace.path("conf/dataset"));
    const written = workspace.read(`conf/dataset/${config}`);
    expect(written).toContain(`source: ${source}\n`);
    expect(written).toContain(`full_samples: ${samples}\n`);
    const plan = await workspace.aqm(["build", "--dry-run"]);
    expect(plan.code).toBe(0);
    expect(plan.stdout).toContain("-samples/calibration.db");
  });

  it.runIf(WIDE)("links a file of data that lies elsewhere", async () => {
    const elsewhere = folder({ "a.txt": text(60) });
    const workspace = folder();
    const data = elsewhere.path("a.txt");
    const { code } = await init(workspace, "--model", "weights/tiny", "--data", data);
    expect(code).toBe(0);
    expect(fs.readlinkSync(workspace.path("datasets/a.txt"))).toBe(data);
    expect(workspace.read("conf/dataset/a.yaml")).toContain('{ lines: "datasets/a.txt" }');
    expect(workspace.read(".gitignore")).toContain("\n/datasets/a.txt\n");
    const { stdout } = await workspace.aqm(["build", "--dry-run"]);
    expect(stdout).toContain("run      datasets/a-samples/calibration.db");
  });

  it("shows a name with escape sequences as text", async () => {
    const elsewhere = folder({ "a\u001b[2J.txt": text(60) });
    const data = elsewhere.path("a\u001b[2J.txt");
    const { code, stdout } = await init(folder(), "--model", "weights/tiny", "--data", data);
    expect(code).toBe(0);
    expect(stdout).toContain("linked  datasets/a\\u001b[2J.txt");
    expect(stdout).not.toContain("\u001b[2J");
  });

  it.each([
    [
      "data that is too small for a calibration set and three held-out sets",
      { "a.txt": `${text(3)}TEXT 1\n` },
      ["--model", "weights/tiny", "--data", "a.txt"],
      /a\.txt has 3 samples that differ, and 4 are the least/,
    ],
    [
      "an empty file of data",
      { "a.txt": "" },
      ["--model", "weights/tiny", "--data", "a.txt"],
      /a\.txt has 0 samples that differ/,
    ],
    [
      "images of data that has none",
      { "a.txt": text(60) },
      ["--model", "weights/tiny", "--data", "a.txt", "--scopes", "lm,all_layers"],
      /all_layers, which takes images, and a\.txt has none[\s\S]*--scopes lm/,
    ],
    [
      "images for a model of text alone",
      { "weights/llm/config.json": '{ "model_type": "llama" }' },
      ["--model", "weights/llm", "--scopes", "lm,all_layers"],
      /all_layers, which takes images, and llm reads none[\s\S]*--scopes lm/,
    ],
    [
      "a config without the model's family",
      { "weights/llm/config.json": '{ "model_type": "a: b" }' },
      ["--model", "weights/llm"],
      /does not say model_type/,
    ],
    [
      "a folder without config.json",
      { "weights/none/a.txt": "" },
      ["--model", "weights/none"],
      /weights\/none has no config\.json/,
    ],
    ["a model that is nowhere", {}, ["--model", "nowhere"], /neither a folder nor owner\/name/],
    ["no model", {}, [], /needs --model/],
    [
      "a format that is not there",
      {},
      ["--model", "weights/tiny", "--formats", "wfp9"],
      /--formats has no wfp9[\s\S]*wfp8_afp8/,
    ],
    [
      "COCO's layout without captions",
      { "shots/annotations/notes.txt": "" },
      ["--model", "weights/tiny", "--data", "shots"],
      /shots lacks annotations\/captions_train2017/,
    ],
    [
      "annotations that are no JSON",
      {
        "shots/annotations/captions_train2017.json": "<html>not found</html>",
        "shots/annotations/captions_val2017.json": '{ "images": [] }',
      },
      ["--model", "weights/tiny", "--data", "shots"],
      /shots\/annotations\/captions_train2017\.json is no JSON with a list of images/,
    ],
    [
      "a file of another kind as data",
      { "data.csv": "a,b\n" },
      ["--model", "weights/tiny", "--data", "data.csv"],
      /data\.csv is none of the files[\s\S]*a \.txt file with a text a line/,
    ],
    [
      "JSON lines of which no field is the text",
      { "rows.jsonl": '{ "a": "x", "b": "y" }\n' },
      ["--model", "weights/tiny", "--data", "rows.jsonl"],
      /rows\.jsonl does not show which field has the text: a, b/,
    ],
    [
      "a folder without data",
      { "stuff/a.csv": "" },
      ["--model", "weights/tiny", "--data", "stuff"],
      /stuff holds nothing that aqm takes as data/,
    ],
  ] as [string, Record<string, string>, string[], RegExp][])(
    "refuses %s, says the next step, and writes nothing",
    async (_what, files, args, says) => {
      const workspace = folder(files);
      const { code, stderr } = await init(workspace, ...args);
      expect(code).toBe(2);
      expect(stderr).toMatch(says);
      expect(stderr).toContain("next  ");
      expect(workspace.exists("Aqmfile.ts")).toBe(false);
    },
  );

  it("asks the hub for the commit and the family of a model, and sends the token there alone", async () => {
    const sha = "0123456789abcdef0123456789abcdef01234567";
    const asked: string[] = [];
    const hub = createServer((request, response) => {
      asked.push(`${request.url ?? ""} ${request.headers.authorization ?? ""}`);
      const found = request.url === "/api/models/Them/Model/revision/main";
      const config = request.url === `/Them/Model/resolve/${sha}/config.json`;
      response.statusCode = found || config ? 200 : 404;
      response.end(found ? JSON.stringify({ sha }) : CONFIG);
    });
    await new Promise<void>((resolve) => hub.listen(0, "127.0.0.1", resolve));
    const { port } = hub.address() as AddressInfo;
    const env = { HF_ENDPOINT: `http://127.0.0.1:${port}`, HF_TOKEN: "secret" };
    const workspace = folder();
    const done = await workspace.aqm(["init", "--yes", "--model", "Them/Model"], { env });
    const unknown = await workspace.aqm(["init", "--yes", "--model", "Them/None"], { env });
    await new Promise((resolve) => hub.close(resolve));
    expect(done.code).toBe(0);
    expect(workspace.read("conf/model/model.yaml")).toContain(
      `source: { hub: Them/Model, revision: "${sha}" }`,
    );
    expect(done.stdout + workspace.read("conf/model/model.yaml")).not.toContain("secret");
    expect(asked[0]).toBe("/api/models/Them/Model/revision/main Bearer secret");
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("There is no folder Them/None, and the hub says nothing of");
    expect(unknown.stderr).toContain("answers 404");
  });
});

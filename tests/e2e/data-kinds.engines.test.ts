import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/** A model is scored on data of each kind by two commands, aqm init and aqm build. */
const REPORT =
  "models/tiny/layer-analysis/weight-fp8-act-fp8/tiny_autoquant_wfp8_afp8_lm_small/per-layer-sensitivity.md";
const TEXTS = Array.from(
  { length: 400 },
  (_, n) => `Text ${n}: a circle stands beside ${n} squares.`,
);
const asLines = (records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");
const chat = (text: string): object => ({
  messages: [
    { role: "user", content: text },
    { role: "assistant", content: `Yes, ${text}` },
  ],
});

let maker: TestWorkspace;
let tables: string;
const made: TestWorkspace[] = [];

beforeAll(async () => {
  maker = TestWorkspace.create({
    "Aqmfile.ts": `import { build } from "aqm";
import { calibration } from "aqm/rules/calibration.ts";
import { checkpoint } from "aqm/rules/checkpoint.ts";
const { files } = checkpoint("qwen3_vl_tiny");
export default build([files.producer ?? [], calibration("rows").declared], {
  defaults: ["models/qwen3_vl_tiny/checkpoints/tiny"],
});
`,
    "conf/dataset/rows.yaml": `name: rows
source: { parquet: rows.parquet }
calibration: datasets/rows-samples
full_samples: 1
seed: 42
sizes: { small: 1, medium: 1, large: 1 }
calib_seq_len: 64
held_out: { seed: 42, sizes: { search: 1, confirm: 1, report: 1 }, least_tokens: 1 }
`,
  });
  const built = await maker.build();
  expect(built.stderr).toBe("");
  tables = (await maker.aqm(["environment", "tables"])).stdout.trim();
});
afterAll(() => {
  for (const one of [maker, ...made]) one.remove();
});

/** Writes a table with a column of texts, or of chats, by the library that reads it. */
function writeTable(path: string, records: readonly object[]): void {
  fs.mkdirSync(join(path, ".."), { recursive: true });
  const script = `import json, sys, pyarrow
from pyarrow import parquet
parquet.write_table(pyarrow.Table.from_pylist(json.load(sys.stdin)), sys.argv[1])
`;
  const ran = spawnSync(tables, ["-c", script, path], {
    input: JSON.stringify(records),
    encoding: "utf8",
  });
  expect(ran.stderr).toBe("");
}

interface Kind {
  /** What `--data` names. */
  readonly data: string;
  readonly write: (workspace: TestWorkspace) => void;
  /** What the score document counts: samples, and texts where they were packed. */
  readonly packed?: true;
}

const KINDS: Readonly<Record<string, Kind>> = {
  "lines of text": {
    data: "texts.txt",
    write: (workspace) => {
      workspace.write("texts.txt", TEXTS.join("\n"));
    },
  },
  "chats in JSON lines": {
    data: "chats.jsonl",
    write: (workspace) => {
      workspace.write("chats.jsonl", asLines(TEXTS.map(chat)));
    },
  },
  "packed lines of a folder": {
    data: "texts",
    write: (workspace) => {
      workspace.write("texts/a.txt", TEXTS.slice(0, 100).join("\n"));
      workspace.write("texts/deep/b.txt", TEXTS.slice(100).join("\n"));
      workspace.write("texts/c.txt", TEXTS.join("\n"));
    },
    packed: true,
  },
  "a Parquet file": {
    data: "rows.parquet",
    write: (workspace) => {
      writeTable(
        workspace.path("rows.parquet"),
        TEXTS.map((text) => ({ text })),
      );
    },
  },
  "a clone of a data set of the hub": {
    data: "clone",
    write: (workspace) => {
      writeTable(
        workspace.path("clone/data/train-00000-of-00001.parquet"),
        TEXTS.map((text) => ({ text })),
      );
      writeTable(workspace.path("clone/data/test-00000-of-00001.parquet"), [{ text: "Other" }]);
    },
  },
};

describe.each(Object.entries(KINDS))("%s", (_name, { data, write, packed }) => {
  it("become a report of a model by aqm init and aqm build, and nothing is stale then", async () => {
    const workspace = TestWorkspace.create({});
    made.push(workspace);
    write(workspace);
    const model = maker.path("models/qwen3_vl_tiny/checkpoints/tiny");
    const started = await workspace.aqm([
      ...["init", "--yes", "--model", model, "--data", data],
      ...["--formats", "wfp8_afp8", "--scopes", "lm"],
    ]);
    expect(started.stderr).toBe("");
    workspace.edit("Aqmfile.ts", 'scopes: ["lm"]', 'scopes: ["lm", "all_layers"]');
    const name = data.replace(/\..*$/, "");
    const config = `conf/dataset/${name}.yaml`;
    const changed = workspace
      .read(config)
      .replace("calib_seq_len: 512", "calib_seq_len: 64")
      .replace("rows: one", packed ? "rows: packed" : "rows: one");
    workspace.write(config, changed);
    const plan = await workspace.aqm(["build", "--dry-run"]);
    expect(plan.stdout).toContain(
      `1 skipped: the data ${name} has no images, which the scope all_layers takes`,
    );
    const built = await workspace.build();
    expect(built.stderr.replaceAll(/^warning .*\n/gm, "")).toBe("");
    expect(built.code).toBe(0);
    expect(workspace.read(REPORT)).toContain("tiny");
    expect((await workspace.aqm(["build", "--dry-run", "--check"])).code).toBe(0);
    const scores = workspace.path(
      REPORT.replace("per-layer-sensitivity.md", "sensitivity-scores.json"),
    );
    const { measured } = JSON.parse(fs.readFileSync(scores, "utf8")) as {
      measured: { calibration_samples: number; packing?: Record<string, number> };
    };
    if (packed) {
      const { texts, tokens = 0, rows, left_over: left } = measured.packing ?? {};
      expect(texts).toBe(16);
      expect([rows, left]).toEqual([Math.floor(tokens / 64), tokens % 64]);
      expect(measured.calibration_samples).toBe(rows);
    } else expect(measured).toMatchObject({ calibration_samples: 16 });
  });
});

describe("images with captions", () => {
  it("are scored in both scopes", async () => {
    const workspace = TestWorkspace.create({});
    made.push(workspace);
    const script = `import sys
from pathlib import Path
from aqm_runner.calibration.painting import write_picture
from aqm_runner.calibration.scenes import draw_scene
import json, random
source, folder = random.Random(1), Path(sys.argv[1])
folder.mkdir()
lines = []
for n in range(30):
    scene = draw_scene(source)
    write_picture(scene, folder / f"{n}.jpg")
    lines.append(json.dumps({"file_name": f"{n}.jpg", "text": scene.captions()[0]}))
(folder / "metadata.jsonl").write_text("\\n".join(lines))
`;
    const { stdout } = await maker.aqm(["environment", "modelopt"]);
    const ran = spawnSync(stdout.trim(), ["-c", script, workspace.path("shots")], {
      env: { ...process.env, PYTHONPATH: join(REPOSITORY, "python") },
      encoding: "utf8",
    });
    expect(ran.stderr).toBe("");
    const started = await workspace.aqm([
      ...["init", "--yes", "--data", "shots", "--formats", "wfp8_afp8"],
      ...["--scopes", "lm,all_layers"],
      ...["--model", maker.path("models/qwen3_vl_tiny/checkpoints/tiny")],
    ]);
    expect(started.stderr).toBe("");
    const built = await workspace.build();
    expect(built.code).toBe(0);
    expect(workspace.read(REPORT)).toContain("tiny");
    const images = REPORT.replace("_wfp8_afp8_lm_small", "_all_layers_wfp8_afp8_small");
    expect(workspace.read(images)).toContain("visual");
  });
});

describe("python/tests/in_tables", () => {
  it("hold in the environment that reads tables", () => {
    const script = `import { developmentTools } from ${JSON.stringify(pathToFileURL(join(REPOSITORY, "scripts/python.mjs")))};
console.log(developmentTools(process.argv[1]));`;
    const tools = spawnSync(process.execPath, ["--input-type=module", "-e", script, tables], {
      encoding: "utf8",
    }).stdout.trim();
    const ran = spawnSync(tables, ["-m", "pytest", "-q", "tests/in_tables"], {
      cwd: join(REPOSITORY, "python"),
      env: { ...process.env, PYTHONPATH: [tools, join(REPOSITORY, "python")].join(":") },
      encoding: "utf8",
    });
    expect(ran.stdout + ran.stderr).toMatch(/ passed in /);
    expect(ran.status).toBe(0);
  });
});

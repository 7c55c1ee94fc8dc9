import { afterEach, describe, expect, it } from "vitest";
import { sample } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** What a config of a data set may say: docs/data.md. */
const made: TestWorkspace[] = [];
afterEach(() => {
  for (const workspace of made.splice(0)) workspace.remove();
});

async function planOf(...lines: readonly string[]) {
  const workspace = TestWorkspace.create({
    "Aqmfile.ts": `import { build } from "aqm";
import { calibration } from "aqm/rules/calibration.ts";
export default build([calibration("mine").declared]);
`,
    "conf/dataset/mine.yaml": `name: mine
${lines.join("\n")}
calibration: datasets/mine-samples
full_samples: 4
seed: 42
sizes: { small: 1, medium: 2, large: 4 }
calib_seq_len: 64
held_out: { seed: 42, sizes: { search: 1, confirm: 1, report: 1 }, least_tokens: 1 }
`,
    "a.txt": "text\n",
    "t/a.txt": "text\n",
    "s/state.json": "{}",
    "c/data/train-00000-of-00001.parquet": "rows",
    "i/a.jpg": "picture",
    "i/a.txt": "text\n",
  });
  made.push(workspace);
  return await workspace.aqm(["build", "--dry-run"]);
}

describe("a config of data", () => {
  it.each(
    sample(
      [
        ["source: { lines: a.txt }"],
        ["source: { lines: t/ }", "rows: packed"],
        ["source: { json_lines: a.txt, messages: talk }", "empty_rows: skip"],
        ["source: { parquet: a.txt, field: body }"],
        ["source: { hugging_face: s }"],
        ["source: { hugging_face: c, split: train, messages: talk }"],
        ["source: { image_text: i }"],
      ],
      3,
    ),
  )("may say %s", async (...lines) => {
    const { code, stdout, stderr } = await planOf(...lines);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toContain("run      datasets/mine-samples/calibration.db");
  });

  it.each(
    sample(
      [
        [
          ["source: { lines: a.txt, field: x }"],
          "field belongs to json_lines, parquet, hugging_face",
        ],
        [["source: { parquet: a.txt, field: x, messages: y }"], "in the place of field"],
        [["source: { lines: a.txt, parquet: b }"], "source has a form that is not allowed"],
        [["source: { lin: a.txt }"], "Did you mean lines?"],
        [["source: { lines: a.txt }", "length: 5"], "Take one of its keys: name, source, rows,"],
        [
          ["source: { hugging_face: t, split: ../t }"],
          "source.split has a form that is not allowed",
        ],
        [["source: { lines: a.txt }", "recorded_root: x"], "Only with a source in COCO's layout."],
        [
          ["source: { folder: t }", "recorded_root: x", "rows: packed"],
          "Not with a source in COCO",
        ],
        [
          ["source: { lines: ../a.txt }"],
          "mine.yaml:2:18: source.lines has a form that is not allowed",
        ],
        [["source: { image_text: /etc }"], "A path within this workspace"],
        [["source: { parquet: t/../../b }"], "A path within this workspace"],
        [["source: { hugging_face: ~/data }"], "A path within this workspace"],
        [["source: { folder: /data/coco }", "recorded_root: x"], "A path within this workspace"],
      ] as [string[], string][],
      5,
    ),
  )("may not say %s", async (lines, says) => {
    const { code, stderr } = await planOf(...lines);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });

  it.each(
    sample([
      ["source: { lines: t }", "t is not a file"],
      ["source: { lines: a.txt/ }", "a.txt is not a folder"],
      ["source: { lines: none.txt }", "none.txt is missing; place your data there"],
    ]),
  )("%s is told in the plan", async (line, says) => {
    expect((await planOf(line)).stdout).toContain(says);
  });
});

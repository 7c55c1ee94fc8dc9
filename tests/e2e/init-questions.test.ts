import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";

/** The questions of `aqm init`, asked of a person at a real (pseudo-)terminal. */
const CONFIG = '{ "model_type": "qwen3_vl", "dtype": "float32" }\n';
const [CTRL_C, CTRL_D, ENTER] = ["\u0003", "\u0004", "\r"];

let workspace: TestWorkspace;
beforeEach(() => {
  workspace = TestWorkspace.create({ "weights/tiny/config.json": CONFIG });
});
afterEach(() => workspace.remove());

interface Talked {
  readonly code: number;
  readonly shown: string;
  /** Whether the terminal reads lines, echoes and sends signals as it did before. */
  readonly restored: boolean;
  readonly left: readonly unknown[];
}

/** @param steps what is waited for, and what is typed then */
async function talk(
  steps: readonly (readonly [string, string])[],
  args: readonly string[] = [],
): Promise<Talked> {
  const terminal = join(REPOSITORY, "tests/rig/pseudo-terminal.py");
  const command = [process.execPath, join(REPOSITORY, "bin/aqm.js"), "init", ...args];
  const child = spawn("python3", [terminal, JSON.stringify(steps), ...command], {
    cwd: workspace.root,
    env: { ...process.env, NO_COLOR: "1", TERM: "xterm", CUDA_VISIBLE_DEVICES: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  await new Promise((resolve) => child.on("close", resolve));
  return JSON.parse(text) as Talked;
}

/** Nothing that was not there before, not even what aqm compiles for itself. */
const untouched = (): void => expect(fs.readdirSync(workspace.root)).toEqual(["weights"]);

const QUESTIONS = ["Model: ", "Data: ", "Formats, ", "Layers: "] as const;
const RIGHT = ["weights/tiny", "", "wfp8_afp8", ""] as const;

/** Right answers to the questions before that one. */
const before = (question: number): [string, string][] =>
  QUESTIONS.slice(0, question).map((text, index) => [text, `${RIGHT[index] ?? ""}${ENTER}`]);

describe("aqm init at a terminal", () => {
  it("asks for what no option says, and begins the workspace", async () => {
    const talked = await talk(before(QUESTIONS.length));
    expect(talked).toMatchObject({ code: 0, restored: true, left: [] });
    expect(talked.shown).toContain("wrote   Aqmfile.ts");
    expect(workspace.read("Aqmfile.ts")).toContain('formats: ["wfp8_afp8"]');
  });

  it.runIf(WIDE)("asks nothing that an option says", async () => {
    const args = ["--model", "weights/tiny", "--formats", "wint8_aint8"];
    const asked = [
      ["Data: ", ENTER],
      ["Layers: ", ENTER],
    ] as const;
    const talked = await talk(asked, args);
    expect(talked).toMatchObject({ code: 0, restored: true, left: [] });
    expect(talked.shown).not.toContain("Model: ");
  });

  it("takes answers that were typed ahead, or pasted, one a question", async () => {
    const talked = await talk([["Model: ", RIGHT.map((answer) => `${answer}${ENTER}`).join("")]]);
    expect(talked).toMatchObject({ code: 0, restored: true });
    expect(workspace.read("Aqmfile.ts")).toContain('formats: ["wfp8_afp8"]');
  });

  describe.each(
    sample(
      QUESTIONS.map((text, index) => [text, index] as const),
      1,
    ),
  )("at the question %j", (text, index) => {
    it("ends with 130 at Ctrl-C, and writes nothing", async () => {
      const talked = await talk([...before(index), [text, `half an ans${CTRL_C}`]]);
      expect(talked).toMatchObject({ code: 130, restored: true, left: [] });
      expect(talked.shown).toContain("The questions ended before all were answered");
      expect(talked.shown).toContain("nothing was written");
      untouched();
    });

    it.runIf(index % 3 === 0)("ends with 130 at Ctrl-D, says so, and writes nothing", async () => {
      const talked = await talk([...before(index), [text, CTRL_D]]);
      expect(talked).toMatchObject({ code: 130, restored: true, left: [] });
      expect(talked.shown).toContain("(Ctrl-D, or no more input); nothing was written");
      untouched();
    });
  });

  it.each(
    sample(
      [
        [0, "nowhere", "nowhere is neither a folder nor owner/name"],
        [0, "weights", "weights has no config.json"],
        [1, "nowhere", "There is no file or folder nowhere"],
        [2, "wfp9", "--formats has no wfp9"],
        [3, "lm,vision", "--scopes has no vision"],
      ],
      1,
    ),
  )("asks question %i again after the answer %j", async (index, wrong, says) => {
    const question = QUESTIONS[index] ?? "";
    const talked = await talk([
      ...before(index),
      [question, `${wrong}${ENTER}`],
      [says, `${RIGHT[index] ?? ""}${ENTER}`],
      ...before(QUESTIONS.length).slice(index + 1),
    ]);
    expect(talked).toMatchObject({ code: 0, restored: true, left: [] });
    expect(workspace.read("Aqmfile.ts")).toContain('model: "tiny"');
  });

  it.runIf(WIDE)("asks for the model again where nothing is typed", async () => {
    const talked = await talk([["Model: ", ENTER], ...before(QUESTIONS.length)]);
    expect(talked).toMatchObject({ code: 0, restored: true, left: [] });
  });

  it.runIf(WIDE)("refuses a wrong option before it asks anything after it", async () => {
    const talked = await talk([], ["--model", "nowhere"]);
    expect(talked).toMatchObject({ code: 2, restored: true });
    expect(talked.shown).toContain("nowhere is neither a folder nor owner/name");
    expect(talked.shown).not.toContain("Data: ");
    untouched();
  });

  it.runIf(WIDE)("asks nothing with --json, whose output is data alone", async () => {
    const talked = await talk([], ["--json", "--model", "weights/tiny"]);
    expect(talked).toMatchObject({ code: 0, restored: true });
    expect(JSON.parse(talked.shown)).toHaveProperty("wrote");
  });
});

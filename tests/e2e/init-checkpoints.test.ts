import { afterEach, describe, expect, it } from "vitest";
import { TestWorkspace } from "../rig/workspace.ts";

/** What `aqm init` sees in the folder of a checkpoint before a build loads any library. */
const LLAMA = '{ "model_type": "llama" }\n';
const WEIGHTS = { "weights/m/config.json": LLAMA, "weights/m/model.safetensors": "" };
const TOKENIZER = { "weights/m/tokenizer.json": "{}", "weights/m/tokenizer_config.json": "{}" };
const chat = (n: number): string =>
  JSON.stringify({ messages: [{ role: "user", content: `Text ${n}` }] });
const CHATS = { "chats.jsonl": Array.from({ length: 8 }, (_, n) => `${chat(n)}\n`).join("") };

const made: TestWorkspace[] = [];
afterEach(() => {
  for (const workspace of made.splice(0)) workspace.remove();
});

async function init(files: Readonly<Record<string, string>>, ...more: readonly string[]) {
  const workspace = TestWorkspace.create(files);
  made.push(workspace);
  const ran = await workspace.aqm(["init", "--yes", "--model", "weights/m", ...more]);
  return { ...ran, wrote: workspace.exists("Aqmfile.ts") };
}

describe("aqm init refuses", () => {
  it.each([
    [
      "a config.json that is cut off",
      { "weights/m/config.json": '{ "model_type": "lla' },
      [],
      /weights\/m\/config\.json is not JSON[\s\S]*cause[\s\S]*next/,
    ],
    [
      "a config.json that is a list",
      { "weights/m/config.json": "[]" },
      [],
      /weights\/m\/config\.json holds no JSON object/,
    ],
    [
      "a model with an encoder and a decoder",
      { "weights/m/config.json": '{ "model_type": "t5", "is_encoder_decoder": true }' },
      [],
      /has an encoder and a decoder \(is_encoder_decoder, model_type "t5"\)/,
    ],
    [
      "weights without a tokenizer",
      { ...WEIGHTS, "weights/m/tokenizer_config.json": "{}" },
      [],
      /weights\/m has weights, and no tokenizer that aqm reads/,
    ],
    [
      "a tokenizer of SentencePiece alone, which no op reads",
      { ...WEIGHTS, "weights/m/tokenizer.model": "" },
      [],
      /a tokenizer\.model alone is not read[\s\S]*save_pretrained/,
    ],
    [
      "chats for a model without a chat template",
      { ...WEIGHTS, ...TOKENIZER, ...CHATS },
      ["--data", "chats.jsonl"],
      /chats\.jsonl has chats, and weights\/m has no chat template[\s\S]*chat_template\.jinja/,
    ],
  ] as [string, Record<string, string>, string[], RegExp][])(
    "%s, and writes nothing",
    async (_what, files, args, says) => {
      const { code, stderr, wrote } = await init(files, ...args);
      expect(code).toBe(2);
      expect(stderr).toMatch(says);
      expect(wrote).toBe(false);
    },
  );
});

describe("aqm init takes", () => {
  it.each([
    ["tokenizer.json", { "weights/m/tokenizer.json": "{}" }],
    ["code of its own", { "weights/m/tokenization_m.py": "" }],
    ["byte pairs", { "weights/m/vocab.json": "{}", "weights/m/merges.txt": "" }],
  ])("a tokenizer as %s", async (_what, files) => {
    expect(await init({ ...WEIGHTS, ...files })).toMatchObject({ stderr: "", code: 0 });
  });

  it.each([
    ["a file of its own", { "weights/m/chat_template.jinja": "{{ messages }}" }],
    [
      "tokenizer_config.json",
      { "weights/m/tokenizer_config.json": '{ "chat_template": "{{ messages }}" }' },
    ],
  ])("chats for a model whose chat template is in %s", async (_what, files) => {
    const all = { ...WEIGHTS, ...TOKENIZER, ...CHATS, ...files };
    expect(await init(all, "--data", "chats.jsonl")).toMatchObject({ stderr: "", code: 0 });
  });
});

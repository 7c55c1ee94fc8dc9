import { err, ok, type Failure, type Result, type StarterCall } from "aqm";

export type CheckpointConfig = Readonly<Record<string, unknown>>;

/** What the ops make a tokenizer of: among the files that `rules/checkpoint.ts` takes, or the checkpoint's own code. */
const TOKENIZER = /^(?:tokenizer\.json|vocab\.(?:json|txt)|merges\.txt|tokenization_.*\.py)$/;

/** config.json of a folder. */
export function configIn(call: StarterCall, folder: string): Result<CheckpointConfig, Failure> {
  const file = `${folder}/config.json`;
  const refused = (message: string, nextStep: string, cause?: string): Result<never, Failure> =>
    err({
      reason: "usage",
      message,
      place: { file },
      nextStep,
      ...(cause === undefined ? {} : { cause }),
    });
  const text = call.read(file);
  if (text === null)
    return refused(
      `${folder} has no config.json`,
      "Name the folder of a Hugging Face checkpoint, the one that holds config.json.",
    );
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === "object" && config !== null && !Array.isArray(config))
      return ok(config as CheckpointConfig);
    return refused(`${file} holds no JSON object`, AGAIN);
  } catch (error) {
    return refused(`${file} is not JSON`, AGAIN, error instanceof Error ? error.message : "");
  }
}

const AGAIN = "Copy or download the checkpoint again.";

/** Weights without a tokenizer: the first build would say so only after it has loaded its libraries. */
export function withoutTokenizer(call: StarterCall, folder: string): Failure | null {
  const names = call.names(folder) ?? [];
  const hasWeights = names.some((name) => name.endsWith(".safetensors"));
  if (!hasWeights || names.some((name) => TOKENIZER.test(name))) return null;
  return {
    reason: "usage",
    message: `${folder} has weights, and no tokenizer that aqm reads`,
    cause: "it has no tokenizer.json, vocab.json or vocab.txt; a tokenizer.model alone is not read",
    place: { file: folder },
    nextStep:
      "Copy the tokenizer's files from where the weights come from, or write them there with transformers: AutoTokenizer.from_pretrained(SOURCE).save_pretrained(FOLDER).",
  };
}

/** Whether a checkpoint says how a chat is written; null where its tokenizer is not there to ask. */
export function hasChatTemplate(call: StarterCall, folder: string): boolean | null {
  const names = call.names(folder) ?? [];
  if (!names.includes("tokenizer.json") && !names.includes("tokenizer_config.json")) return null;
  if (names.some((name) => /^(?:chat_template\.|additional_chat_templates$)/.test(name)))
    return true;
  return ["tokenizer_config.json", "processor_config.json"].some((name) =>
    (call.read(`${folder}/${name}`) ?? "").includes('"chat_template"'),
  );
}

import { err, ok, type Failure, type Result, type Started, type StarterCall } from "aqm";
import { SCOPES } from "../configs.ts";
import { startData } from "./data.ts";
import { startModel } from "./model.ts";
import { aqmfileText, ATTRIBUTES, ignored, WORKFLOW } from "./texts.ts";

const FORMATS = "wfp8_afp8,wint8_aint8";

export const questions = [
  {
    name: "model",
    text: "Model: a folder with config.json, or owner/name on the hub",
    fallback: null,
  },
  {
    name: "data",
    text: "Data: lines of text, JSON lines, Parquet, a folder of these, images with captions; or nothing for samples that are made here",
    fallback: "",
  },
  { name: "formats", text: "Formats, with commas between them", fallback: FORMATS },
  { name: "scopes", text: "Layers: lm (the language model), all_layers, or both", fallback: "lm" },
] as const;

/** What is wrong with the answer to one question, so that it can be asked again. */
export async function check(question: string, call: StarterCall): Promise<Failure | null> {
  const looked = await lookAt(question, call);
  return looked.ok ? null : looked.error;
}

const lookAt = async (question: string, call: StarterCall): Promise<Result<unknown, Failure>> => {
  const answer = call.answers[question] ?? "";
  if (question === "model") return startModel(call);
  if (question === "data") return startData(call);
  return chosen(question, answer, question === "formats" ? call.configs("quant_pair") : SCOPES);
};

/** Model and data → the files of a workspace that analyses the model with ModelOpt. */
export async function start(call: StarterCall): Promise<Result<Started, Failure>> {
  const formats = chosen("formats", call.answers["formats"] ?? FORMATS, call.configs("quant_pair"));
  if (!formats.ok) return formats;
  const scopes = chosen("scopes", call.answers["scopes"] ?? "lm", SCOPES);
  if (!scopes.ok) return scopes;
  const data = startData(call);
  if (!data.ok) return data;
  const model = await startModel(call);
  if (!model.ok) return model;
  const lacking = scopes.value.find((scope) => scope !== "lm" && !model.value.images);
  if (lacking !== undefined)
    return err({
      reason: "usage",
      message: `--scopes has ${lacking}, which takes images, and ${model.value.name} reads none`,
      nextStep: "Take --scopes lm: it has all layers of such a model.",
    });
  const textAlone = scopes.value.find((scope) => scope !== "lm" && !data.value.images);
  if (textAlone !== undefined)
    return err({
      reason: "usage",
      message: `--scopes has ${textAlone}, which takes images, and ${call.answers["data"] ?? "the data"} has none`,
      nextStep: "Take --scopes lm, or name data with images.",
    });
  if (data.value.chats && model.value.chats === false)
    return err({
      reason: "usage",
      message: `${call.answers["data"] ?? "the data"} has chats, and ${call.answers["model"] ?? "the model"} has no chat template, which chats are written by`,
      nextStep:
        "Place the checkpoint's chat_template.jinja, which models that were trained on chats have, or name data of plain texts.",
    });
  const made = [model.value, data.value];
  const names = {
    model: model.value.name,
    dataset: data.value.name,
    formats: formats.value,
    scopes: scopes.value,
  };
  return ok({
    files: [
      { path: "Aqmfile.ts", content: aqmfileText(names) },
      ...made.flatMap(({ files }) => files),
      WORKFLOW,
    ],
    lines: [ignored(made.flatMap(({ links }) => links.map(({ path }) => path))), ATTRIBUTES],
    links: made.flatMap(({ links }) => links),
    notes: made.flatMap(({ notes }) => notes),
  });
}

/** Names with commas between them, each of which must be known. */
function chosen(
  option: string,
  answer: string,
  known: readonly string[],
): Result<readonly string[], Failure> {
  const names = [...new Set(answer.split(",").map((name) => name.trim()))].filter(
    (name) => name !== "",
  );
  const unknown = names.find((name) => !known.includes(name));
  if (names.length > 0 && unknown === undefined) return ok(names);
  return err({
    reason: "usage",
    message: unknown === undefined ? `--${option} names nothing` : `--${option} has no ${unknown}`,
    nextStep: `Take some of: ${known.join(", ")}.`,
  });
}

import { err, ok, type Failure, type Result, type StarterCall } from "aqm";
import {
  configIn,
  hasChatTemplate,
  withoutTokenizer,
  type CheckpointConfig as Config,
} from "./checkpoint-folder.ts";
import { configName, lastOf, placed, type StartedPart } from "./part.ts";

/** What a model adds, and whether it reads images besides text. */
export interface StartedModel extends StartedPart {
  readonly images: boolean;
  /** Whether it has a chat template; null where that is not known yet. */
  readonly chats: boolean | null;
}

/** The model that `--model` names: its family from config.json, and where and in which numbers it is scored. */
export async function startModel(call: StarterCall): Promise<Result<StartedModel, Failure>> {
  const asked = call.answers["model"] ?? "";
  if (call.names(asked) !== null && asked !== "") return fromFolder(call, asked);
  if (/^[\w.-]+\/[\w.-]+(?:@[0-9a-f]{40})?$/.test(asked)) return await fromHub(call, asked);
  return err({
    reason: "usage",
    message: asked === "" ? "No model is named" : `${asked} is neither a folder nor owner/name`,
    nextStep: "Name one: --model FOLDER, or --model owner/name of the hub.",
  });
}

function fromFolder(call: StarterCall, folder: string): Result<StartedModel, Failure> {
  const plain = folder.replace(/\/+$/, "");
  const config = configIn(call, plain);
  if (!config.ok) return config;
  const family = familyOf(config.value, `${plain}/config.json`);
  if (!family.ok) return family;
  const lacking = withoutTokenizer(call, plain);
  if (lacking !== null) return err(lacking);
  const last = lastOf(folder) || lastOf(call.root);
  const name = configName(last);
  const { path: checkpoint, links } = placed(
    call.root,
    folder,
    `models/${name}/checkpoints/${last}`,
  );
  const source = `{ placed: ${JSON.stringify(last)} }`;
  const found = { name, family: family.value, checkpoint, config: config.value, source, links };
  return ok({ ...partOf(call, found), chats: hasChatTemplate(call, plain) });
}

async function fromHub(call: StarterCall, asked: string): Promise<Result<StartedModel, Failure>> {
  const [id = "", commit = "main"] = asked.split("@");
  const endpoint = (call.variable("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  const token = call.variable("HF_TOKEN");
  const headers: Readonly<Record<string, string>> =
    token === null || !isPrivateWay(endpoint) ? {} : { authorization: `Bearer ${token}` };
  const notThere = (cause: string): Result<never, Failure> =>
    err({
      reason: "usage",
      message: `There is no folder ${asked}, and the hub says nothing of a model of that name`,
      cause,
      nextStep: `Correct the id, set HF_TOKEN for a gated model, or place a copy and name its folder: hf download ${id} --local-dir DIR, then --model DIR.`,
    });
  const listed = await call.fetchJson(`${endpoint}/api/models/${id}/revision/${commit}`, headers);
  if (!listed.ok) return notThere(listed.error);
  const sha = asConfig(listed.value)["sha"];
  if (typeof sha !== "string" || !/^[0-9a-f]{40}$/.test(sha))
    return notThere("its answer names no commit");
  const url = `${endpoint}/${id}/resolve/${sha}/config.json`;
  const answer = await call.fetchJson(url, headers);
  if (!answer.ok) return notThere(answer.error);
  const config = asConfig(answer.value);
  const family = familyOf(config, url);
  if (!family.ok) return family;
  const name = configName(lastOf(id));
  const source = `{ hub: ${id}, revision: "${sha}" }`;
  const checkpoint = `models/${name}/checkpoints/${lastOf(id)}`;
  const part = partOf(call, { name, family: family.value, checkpoint, config, source, links: [] });
  return ok({
    ...part,
    notes: [...part.notes, `aqm fetches ${id} at commit ${sha.slice(0, 12)} when it is needed.`],
  });
}

/** Whether nothing on the way there can read along. */
const isPrivateWay = (endpoint: string): boolean =>
  /^https:\/\/|^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$)/.test(endpoint);

/** What config.json calls the model. Whether transformers has it, the op says that loads it. */
function familyOf(config: Config, file: string): Result<string, Failure> {
  const type = config["model_type"];
  const hasEncoder = config["is_encoder_decoder"] === true;
  if (hasEncoder && config["vision_config"] === undefined && config["encoder"] === undefined)
    return err({
      reason: "usage",
      message: `The model has an encoder and a decoder (is_encoder_decoder, model_type ${JSON.stringify(type ?? null)})`,
      place: { file },
      nextStep: "Name a causal language model, or a model of images and text.",
    });
  if (typeof type === "string" && /^[a-z0-9][a-z0-9_.-]*$/.test(type)) return ok(type);
  return err({
    reason: "usage",
    message:
      "config.json does not say model_type, the family of the model, in letters, digits and _.-",
    place: { file },
    nextStep: "Name a checkpoint as transformers saves one, with model_type in its config.json.",
  });
}

interface Found extends Pick<StartedPart, "name" | "links"> {
  readonly family: string;
  readonly checkpoint: string;
  readonly config: Config;
  /** In YAML. */
  readonly source: string;
}

function partOf({ gpus }: StarterCall, found: Found): StartedModel {
  const { name, family, checkpoint, config, source, links } = found;
  const text = asConfig(config["text_config"]);
  const stored = config["dtype"] ?? config["torch_dtype"] ?? text["dtype"] ?? text["torch_dtype"];
  const dtype = stored === "float32" ? "float32" : "bfloat16";
  const device = gpus > 0 ? "cuda" : "cpu";
  const images = Object.keys(asConfig(config["vision_config"])).length > 0;
  return {
    name,
    links,
    images,
    chats: null,
    files: [
      {
        path: `conf/model/${name}.yaml`,
        content: `name: ${name}
family: ${family}
images: ${images}
checkpoint: ${JSON.stringify(checkpoint)}
dtype: ${dtype}
# cuda on a machine with a GPU: cpu takes hours for a model of billions of weights.
device: ${device}
source: ${source}
`,
      },
    ],
    notes: [
      `The model is of the family ${family}, and is scored in ${dtype} on ${device === "cuda" ? "a GPU" : "the CPU, since this machine shows no GPU"}.`,
      ...(images
        ? []
        : ["It reads no images, so that it has the scope lm alone, which has all its layers."]),
    ],
  };
}

const asConfig = (value: unknown): Config =>
  typeof value === "object" && value !== null ? (value as Config) : {};

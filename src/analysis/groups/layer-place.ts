/** Where a layer group stands in the model, read off its module path. */
export interface LayerPlace {
  readonly tower: "vision" | "language";
  /** What it does, in a word or two: `q k v`, `down`, `merger fc1`. */
  readonly kind: string;
  /** Number of its block; null for what the model has once. */
  readonly block: number | null;
}

/** Parts of a path that say nothing beyond tower and block. */
const UNTELLING = new Set([
  "model",
  "visual",
  "vision_tower",
  "encoder",
  "language_model",
  "blocks",
  "layers",
  "self_attn",
  "attn",
  "mlp",
  "vit",
  "attention",
  "embeddings",
]);

/** Names of the parts beside a language model, as of python/aqm_runner/model/module_kinds.py. */
const VISION =
  /^(?:visual|vit|vision(?:_.*)?|image_.*|embed_vision|(?:.*_)?projector|connector|aligner|qformer)$/;

/** What ModelOpt fuses into one decision, by the member that names it. */
const FUSED: Readonly<Record<string, readonly string[]>> = {
  q_proj: ["q_proj", "k_proj", "v_proj"],
  gate_proj: ["gate_proj", "up_proj"],
};

/**
 * @param path of the group's first member
 * @param all paths of the analysis: members that are groups of their own are not fused
 */
export function placeOf(path: string, all: ReadonlySet<string>): LayerPlace {
  const parts = path.split(".");
  const numbered = parts.findIndex((part, index) => isNumber(part) && index < parts.length - 1);
  const own = parts.at(-1) ?? "";
  const siblings = FUSED[own]?.filter(
    (name) => name === own || !all.has([...parts.slice(0, -1), name].join(".")),
  ) ?? [own];
  const around = parts.filter(
    (part, index) => index !== numbered && index < parts.length - 1 && !UNTELLING.has(part),
  );
  return {
    tower: isVision(path) || isHeadOfVision(path, all) ? "vision" : "language",
    kind: [...around, ...siblings].map(plainWord).join(" "),
    block: numbered < 0 ? null : Number(parts[numbered]),
  };
}

/** Whether a path is of a vision tower, or of what brings its output into the space of tokens. */
export const isVision = (path: string): boolean =>
  path.split(".").some((part) => VISION.test(part));

/** Whether a path of one part, such as `classifier`, stands on a vision tower alone. */
const isHeadOfVision = (path: string, all: ReadonlySet<string>): boolean =>
  !path.includes(".") &&
  all.size > 1 &&
  [...all].every((other) => other === path || isVision(other));

const isNumber = (part: string): boolean => /^\d+$/.test(part);

const plainWord = (part: string): string =>
  part
    .replace(/^linear_|_proj$|_list$|_embeddings$/g, "")
    .replace(/_/g, " ")
    .replace(/^lm head$/, "lm_head");

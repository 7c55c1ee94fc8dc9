import { weightCost } from "../formats/cost.ts";
import { UNQUANTIZED, UNQUANTIZED_BITS } from "../formats/label.ts";
import { storedBits } from "../formats/storage.ts";
import { isVision } from "../groups/layer-place.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";
import { weightsOf, type CheckpointTensors } from "./checkpoint-tensors.ts";
import type { SchemeCandidate } from "./scheme-groups.ts";

/** Modules that one kernel of a server computes, so that they share a format; the group has the first's name. */
const FUSED: readonly (readonly string[])[] = [
  ["q_proj", "k_proj", "v_proj"],
  ["gate_proj", "up_proj"],
];

/** Weights that are looked up and never multiplied, and those that choose experts. */
const NOT_QUANTIZED = /(^|\.)(embed_tokens|pos_embed|position_embedding|gate|router)$/;

/** A layer of one expert; the model has the experts of a block as one module. */
const OF_EXPERT =
  /^(.*\.)(?:mlp|block_sparse_moe)(\.experts)\.\d+\.(?:gate_proj|up_proj|down_proj|w[123])$/;

/** Names that checkpoints have, and those of the model's modules. */
type Renaming = readonly [file: RegExp, model: string];

/** Of LLaVA and Gemma 3. */
const PARTS_APART: readonly Renaming[] = [
  [/^language_model\.lm_head$/, "lm_head"],
  [/^language_model\.model\./, "model.language_model."],
  [/^(?=vision_tower\.|multi_modal_projector\.)/, "model."],
];

/** Of Qwen2.5-VL. */
const VISUAL_APART: readonly Renaming[] = [
  [/^visual\./, "model.visual."],
  [/^model\.(?!language_model\.|visual\.)/, "model.language_model."],
];

/**
 * The layer groups of a model by its weights alone, for a choice that needs no scores: every weight of two or more
 * dimensions that is no embedding. They are the groups that an engine scores, all with the score 0.
 *
 * @param candidate the one format, besides none
 */
export function checkpointGroups(
  tensors: CheckpointTensors,
  scope: "lm" | "all_layers",
  { name: format, quantizers }: SchemeCandidate,
): Analysed<BitProblem> {
  const modules = new Set<string>();
  const names = [...tensors.tensors.keys()];
  const renamings = names.some((name) => name.startsWith("visual.")) ? VISUAL_APART : PARTS_APART;
  for (const [name, { shape }] of tensors.tensors) {
    if (!name.endsWith(".weight") || shape.length < 2) continue;
    const module = moduleName(name.slice(0, -".weight".length), renamings);
    if (!NOT_QUANTIZED.test(module)) modules.add(module);
  }
  const experts = [...modules].find((name) => name.includes(".experts."));
  if (experts !== undefined) {
    const what = `The checkpoint has experts (${experts}), whose layers its weights do not tell`;
    return failed("no_candidates", experts, `${what}. Choose by scores.`);
  }
  if (weightsOf(tensors, "lm_head").length > 0) modules.add("lm_head");
  const bits = storedBits(quantizers.weight);
  const groups = membersOf(modules).map((members): ChoiceGroup => {
    const [first = ""] = members;
    const weights = members
      .flatMap((module) => weightsOf(tensors, module))
      .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const none = {
      format: UNQUANTIZED,
      bits: UNQUANTIZED_BITS,
      cost: weightCost(weights, UNQUANTIZED_BITS),
      score: 0,
    };
    const isOpen = scope === "all_layers" || !isVision(first);
    const quantized = { format, bits, cost: weightCost(weights, bits), score: 0 };
    return {
      name: first,
      modules: members,
      weights,
      candidates: isOpen ? [quantized, none] : [none],
    };
  });
  return ok({ groups });
}

function moduleName(name: string, renamings: readonly Renaming[]): string {
  const found = renamings.find(([file]) => file.test(name));
  return (found === undefined ? name : name.replace(...found)).replace(OF_EXPERT, "$1mlp$2");
}

/** Modules by group: vision first, then block by block, as a model has them. */
function membersOf(modules: ReadonlySet<string>): readonly (readonly string[])[] {
  const taken = new Set<string>();
  const groups: (readonly string[])[] = [];
  for (const module of [...modules].sort(inOrder)) {
    if (taken.has(module)) continue;
    const own = module.split(".").at(-1) ?? "";
    const around = module.slice(0, module.length - own.length);
    const fused = FUSED.find((names) => names.includes(own)) ?? [own];
    const members = fused.map((name) => around + name).filter((name) => modules.has(name));
    for (const member of members) taken.add(member);
    groups.push(members);
  }
  return groups;
}

/** By parts of the path: vision first, numbers by size, the output layer last. */
function inOrder(a: string, b: string): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function sortKey(module: string): string {
  const tower = isVision(module) ? "0" : module === "lm_head" ? "2" : "1";
  return `${tower} ${module.replace(/\d+/g, (digits) => digits.padStart(6, "0"))}`;
}

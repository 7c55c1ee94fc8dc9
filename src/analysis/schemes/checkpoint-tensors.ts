import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { FieldReader } from "../python-json/field-reader.ts";
import { parsePythonJson } from "../python-json/parse.ts";

/** What the headers of a checkpoint's weight files say. */
export interface CheckpointTensors {
  /** Of all tensors together. */
  readonly bytes: number;
  /** Numbers in all tensors together. */
  readonly elements: number;
  /** By the name in the files, in the order of names. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
}

export interface CheckpointTensor {
  /** As safetensors names it. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** The weight of a module. */
export interface ModuleWeight {
  readonly shape: readonly number[];
  /** That the files would lack without it; 0 where it is the embedding's weight as well. */
  readonly bytes: number;
}

const TENSORS_SCHEMA = 1;

const WIDTHS: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  BOOL: 1,
};

/** Reads and checks what the op `checkpoint_tensors` writes. */
export function readCheckpointTensors(text: string): Analysed<CheckpointTensors> {
  const parsed = parsePythonJson(text);
  if (!parsed.ok) return parsed;
  const problems: AnalysisFailure[] = [];
  const root = new FieldReader(parsed.value, "", problems);
  const schema = root.integer("schema", 0);
  if (root.firstProblem === undefined && schema !== TENSORS_SCHEMA) {
    const what = `Tensors of schema ${schema} are not readable here (this version reads ${TENSORS_SCHEMA})`;
    return failed("unsupported_schema", "schema", `${what}. Build the document again.`);
  }
  const bytes = root.integer("bytes", 0);
  const tensors = new Map<string, CheckpointTensor>();
  let [elements, sum] = [0, 0];
  for (const of of root.objects("tensors")) {
    const name = of.string("name");
    const tensor = { dtype: of.string("dtype"), shape: of.numbers("shape") };
    if (WIDTHS[tensor.dtype] === undefined)
      of.problem(
        "wrong_structure",
        `${name}.dtype`,
        `is ${tensor.dtype}, which has no known width`,
      );
    tensors.set(name, tensor);
    elements += elementsOf(tensor);
    sum += bytesOf(tensor);
  }
  if (sum !== bytes)
    root.problem("figures_disagree", "bytes", `is ${bytes}, and the tensors have ${sum}`);
  const failure = root.firstProblem;
  return failure === undefined ? ok({ bytes, elements, tensors }) : { ok: false, error: failure };
}

const elementsOf = ({ shape }: CheckpointTensor): number =>
  shape.reduce((product, size) => product * size, 1);

const bytesOf = (tensor: CheckpointTensor): number =>
  elementsOf(tensor) * (WIDTHS[tensor.dtype] ?? 0);

/** Names that checkpoints have for what the model calls otherwise: Qwen2.5-VL; LLaVA and Gemma 3; Mixtral. */
const FILE_NAMES: readonly (readonly [model: RegExp, file: string])[] = [
  [/^model\.language_model\./, "model."],
  [/^model\.visual\./, "visual."],
  [/^model\.language_model\./, "language_model.model."],
  [/^model\.(?=vision_tower\.|multi_modal_projector\.)/, ""],
  [/^(?=lm_head$)/, "language_model."],
  [/\.mlp\.experts$/, ".block_sparse_moe.experts"],
];

const EMBEDDING = /(^|\.)embed_tokens\.weight$/;

/** The layers of one expert, after its number. */
const OF_EXPERT = /^\d+\.(gate_proj|up_proj|down_proj|w[123])\.weight$/;

/**
 * The weights of a module by its path in the model; none where the files have none. Experts of a block that the
 * model has as one module have three for each expert.
 */
export function weightsOf({ tensors }: CheckpointTensors, module: string): readonly ModuleWeight[] {
  const names = [
    module,
    ...FILE_NAMES.filter(([model]) => model.test(module)).map((names) => module.replace(...names)),
  ];
  for (const name of names) {
    const own = tensors.get(`${name}.weight`);
    if (own !== undefined) return [{ shape: own.shape, bytes: bytesOf(own) }];
  }
  for (const name of module.endsWith(".experts") ? names : []) {
    const inside = [...tensors].filter(
      ([key]) => key.startsWith(`${name}.`) && OF_EXPERT.test(key.slice(name.length + 1)),
    );
    if (inside.length > 0)
      return inside.map(([, own]) => ({ shape: own.shape, bytes: bytesOf(own) }));
  }
  if (module !== "lm_head") return [];
  // An output layer without a tensor uses the embedding's.
  const embedding = [...tensors].find(([name]) => EMBEDDING.test(name))?.[1];
  return embedding === undefined ? [] : [{ shape: embedding.shape, bytes: 0 }];
}

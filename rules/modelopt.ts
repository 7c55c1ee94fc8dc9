import { environment } from "aqm";
import { numberName, type Quantizer } from "aqm/analysis/formats/quantizer.ts";

/** Where ModelOpt runs: pinned with hashes, made by aqm itself when it is missing. */
export const modelopt = environment({
  name: "modelopt",
  requirements: "python/requirements.in",
  lock: "python/requirements.lock",
  variables: {
    // Without it, matrix products on a GPU may differ in their last bits from run to run.
    CUBLAS_WORKSPACE_CONFIG: ":4096:8",
    HF_HUB_OFFLINE: "1",
    TOKENIZERS_PARALLELISM: "false",
  },
  // Kernels are compiled before the first GPU step, and kept between builds; what they compute is pinned.
  caches: { TORCH_EXTENSIONS_DIR: "extensions" },
  prepare: { module: "aqm_runner.modelopt.prepare_extensions", gpu: true },
  passed: {
    CUDA_HOME: "which compiler builds those kernels",
  },
});

/**
 * The number formats of candidates in ModelOpt's form: what `prepare` has to compile before they are used. The
 * slowest of its extensions, of MXFP4 alone, takes a minute.
 */
export const numbersOf = (
  candidates: readonly { readonly config: { readonly quant_cfg: readonly object[] } }[],
): readonly string[] => {
  const entries: readonly { readonly cfg?: unknown }[] = candidates.flatMap(
    ({ config }) => config.quant_cfg,
  );
  return [...new Set(entries.flatMap(({ cfg }) => (cfg === undefined ? [] : [numbersIn(cfg)])))];
};

/** A word that `prepare` does not know has it compile all: for what the names of numbers do not tell apart. */
function numbersIn(cfg: unknown): string {
  if (typeof cfg !== "object" || cfg === null || !("num_bits" in cfg)) return OTHER;
  const quantizer = cfg as Quantizer;
  const { scale_bits: scale, type } = quantizer.block_sizes ?? {};
  const name = numberName(quantizer);
  if (scale === undefined || name === "mxfp4") return name;
  return name === "nvfp4" && type === "dynamic" ? name : OTHER;
}

const OTHER = "other";

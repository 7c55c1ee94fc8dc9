import { environment } from "aqm";

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

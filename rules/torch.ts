import { environment } from "aqm";

/** Where plain PyTorch runs, without the libraries of any engine. */
export const torch = environment({
  name: "torch",
  requirements: "python/torch.in",
  lock: "python/torch.lock",
  variables: {
    // Without it, matrix products on a GPU may differ in their last bits from run to run.
    CUBLAS_WORKSPACE_CONFIG: ":4096:8",
    HF_HUB_OFFLINE: "1",
    TOKENIZERS_PARALLELISM: "false",
  },
});

import { environment } from "aqm";

/**
 * Where vLLM reads exported checkpoints as a server does. It takes 8.9 GB of disk, so it is made when a serving
 * check runs, or by name.
 */
export const vllm = environment({
  name: "vllm",
  requirements: "python/vllm.in",
  lock: "python/vllm.lock",
  python: "3.11",
  large: true,
  variables: {
    // A checkpoint is judged by its own files alone: nothing is fetched, nothing is told.
    HF_HUB_OFFLINE: "1",
    TRANSFORMERS_OFFLINE: "1",
    VLLM_NO_USAGE_STATS: "1",
    DO_NOT_TRACK: "1",
    TOKENIZERS_PARALLELISM: "false",
  },
  // What vLLM finds out about its own model classes, once for each: half a minute of every process.
  caches: { VLLM_CACHE_ROOT: "vllm" },
});

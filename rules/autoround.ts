import { environment, pythonOp } from "aqm";

/**
 * Where AutoRound runs. Its 4.9 GB are installed when an action needs them, or by name:
 * `aqm environment autoround`.
 */
export const autoround = environment({
  name: "autoround",
  requirements: "python/autoround.in",
  lock: "python/autoround.lock",
  python: "3.11",
  large: true,
  variables: {
    // Without it, matrix products on a GPU may differ in their last bits from run to run.
    CUBLAS_WORKSPACE_CONFIG: ":4096:8",
    HF_HUB_OFFLINE: "1",
    HF_DATASETS_OFFLINE: "1",
    TOKENIZERS_PARALLELISM: "false",
  },
});

/** AutoScheme's delta-loss of every layer group in one format. */
export const autoroundScores = pythonOp("autoround_scores", autoround);

/** What AutoScheme itself chooses for budgets of bits. */
export const autoroundChoice = pythonOp("autoround_choice", autoround);

/** A plan as a checkpoint whose rounding AutoRound has tuned. */
export const autoroundExport = pythonOp("autoround_export", autoround);

/** Figures of such a checkpoint on held-out data. */
export const autoroundQuality = pythonOp("autoround_quality", autoround);

import { environment, pythonOp } from "aqm";

/**
 * Where Intel Neural Compressor runs: torch and transformers as elsewhere, with the numpy that INC asks for.
 * It takes 5 GB of disk, so it is made when an action of INC runs, or by name.
 */
export const inc = environment({
  name: "inc",
  requirements: "python/inc.in",
  lock: "python/inc.lock",
  python: "3.11",
  large: true,
  variables: {
    HF_HUB_OFFLINE: "1",
    TOKENIZERS_PARALLELISM: "false",
    // INC draws a bar for each op, which would fill the log.
    TQDM_DISABLE: "1",
  },
});

/** Scores of ops and groups by MSE_V2 or HAWQ_V2. */
export const incScores = pythonOp("inc_scores", inc);

/** A model in which exactly the named ops are INT8, in INC's own form. */
export const incQuantize = pythonOp("inc_quantize", inc);

import { environment } from "aqm";

/** Where ModelOpt runs: pinned with hashes, made by aqm itself when it is missing. */
export const modelopt = environment({
  name: "modelopt",
  requirements: "python/requirements.in",
  lock: "python/requirements.lock",
});

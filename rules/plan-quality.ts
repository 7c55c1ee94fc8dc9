import { pythonOp } from "aqm";
import { modelopt } from "./modelopt.ts";

/** Measures plans against the unquantized model on held-out data: python/aqm_runner/ops/plan_quality.py. */
export const planQuality = pythonOp("plan_quality", modelopt);

import { pythonOp } from "aqm";
import { modelopt } from "./modelopt.ts";

/** Searches a plan by measuring it on held-out data: python/aqm_runner/ops/measured_search.py. */
export const measuredSearch = pythonOp("measured_search", modelopt);
